//! Templates that a manifest writes itself, in the Velocity Template Language of API Gateway, for what types can't say.
//!
//! What is held of each, whatever a client sends:
//! - One for a document prints nothing: it sets `$document`, which is escaped as a whole and stands where any other document does. So no
//!   client writes the call.
//! - One for a body stays within the branch of ours that prints it: an execution that failed is not answered as one that succeeded.
//! - Neither sets a variable of ours, nor the status, a header or the call past us.

/// What a template is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It sets `$document`.
    Document,
    /// It prints a body.
    Body,
}

/// A template of the manifest, which stays in its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Raw(String);

/// What our own templates call their variables, and API Gateway its own.
const TAKEN: [&str; 47] = [
    "answer",
    "at",
    "body",
    "cause",
    "causeGiven",
    "code",
    "comma",
    "complete",
    "context",
    "decoded",
    "error",
    "errorGiven",
    "execution",
    "executionGiven",
    "executionName",
    "executionNameGiven",
    "failed",
    "failure",
    "foreach",
    "found",
    "given",
    "header",
    "input",
    "isStatus",
    "json",
    "length",
    "method",
    "name",
    "origin",
    "output",
    "pair",
    "parsed",
    "part",
    "quote",
    "raw",
    "stageVariables",
    "start",
    "stateMachine",
    "status",
    "taken",
    "taskToken",
    "taskTokenGiven",
    "text",
    "type",
    "util",
    "value",
    "word",
];

/// What both purposes may say.
const KNOWN: [&str; 7] = ["set", "if", "elseif", "else", "end", "foreach", "break"];

/// What would leave a template's place, or read another.
const FORBIDDEN: [&str; 6] = ["stop", "include", "parse", "macro", "evaluate", "define"];

impl Raw {
    /// The template, if it stays in its place; the error says where it doesn't, and what is allowed.
    pub(super) fn parse(text: &str, purpose: Purpose) -> Result<Self, String> {
        if text.contains("responseOverride") || text.contains("requestOverride") {
            return Err("no override is allowed: `status`, `headers` and the action say it".to_owned());
        }
        let mut reader =
            Reader { text, at: 0, purpose, open: Vec::new(), sets_document: false, ends_in_comment: false };
        reader.read().map_err(|allowed| {
            let line = text.get(..reader.at).unwrap_or(text).matches('\n').count() + 1;
            format!("line {line}: {allowed}")
        })?;
        // Our code follows at once.
        Ok(Self(if reader.ends_in_comment { format!("{text}\n") } else { text.to_owned() }))
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it reads the body.
    pub(super) fn reads_body(&self) -> bool {
        self.0.contains("input.body") || self.parses_body()
    }

    /// Whether it reads the body as JSON.
    pub(super) fn parses_body(&self) -> bool {
        self.0.contains("input.json") || self.0.contains("input.path")
    }
}

/// What `#end` ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Block {
    If { has_else: bool },
    Foreach,
}

struct Reader<'t> {
    text: &'t str,
    /// How much was read, in bytes.
    at: usize,
    purpose: Purpose,
    open: Vec<Block>,
    sets_document: bool,
    ends_in_comment: bool,
}

impl<'t> Reader<'t> {
    fn read(&mut self) -> Result<(), String> {
        while let Some(next) = self.rest().chars().next() {
            self.ends_in_comment = false;
            match next {
                '#' => self.directive()?,
                '$' => self.printed()?,
                '\\' if self.rest()[1..].starts_with(['#', '$']) => {
                    return Err("no `\\` is allowed before `#` and `$`: set a variable to the character".to_owned());
                }
                text => {
                    if !text.is_whitespace() {
                        self.prints()?;
                    }
                    self.at += text.len_utf8();
                }
            }
        }
        if ["#", "$", "$!", "\\"].iter().any(|end| self.text.ends_with(end)) && !self.ends_in_comment {
            return Err("nothing of `#`, `$` and `\\` is allowed at the end".to_owned());
        }
        match (self.open.is_empty(), self.purpose, self.sets_document) {
            (false, _, _) => Err("an #end is missing".to_owned()),
            (true, Purpose::Document, false) => {
                Err("`#set($document = ...)` is required, with the document's JSON text".to_owned())
            }
            (true, Purpose::Document | Purpose::Body, _) => Ok(()),
        }
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Skips `text`, if it is next.
    fn skip(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// The word that is next, which may be empty.
    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let is_start = rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let word = if is_start { split_name(rest).0 } else { "" };
        self.at += word.len();
        word
    }

    /// Something is printed here.
    fn prints(&self) -> Result<(), String> {
        match self.purpose {
            Purpose::Body => Ok(()),
            Purpose::Document => Err("nothing may be printed: set variables, and in the end `$document`, such as \
                                      `#set($ignored = $list.add($x))` for a call"
                .to_owned()),
        }
    }

    /// A reference that is printed: what stands in its quotes is no directive.
    fn printed(&mut self) -> Result<(), String> {
        self.prints()?;
        self.at += 1;
        self.skip("!");
        let is_braced = self.skip("{");
        if self.word().is_empty() {
            return if is_braced { Err("a name is required behind `${`".to_owned()) } else { Ok(()) };
        }
        loop {
            let before = self.at;
            if self.rest().starts_with('[') {
                self.enclosed('[', ']')?;
            } else if self.skip(".") && !self.word().is_empty() {
                if self.rest().starts_with('(') {
                    self.enclosed('(', ')')?;
                }
            } else {
                self.at = before;
                break;
            }
        }
        if is_braced && !self.skip("}") { Err("a `}` is missing".to_owned()) } else { Ok(()) }
    }

    /// What stands between this bracket and its end; brackets in quotes don't count.
    fn enclosed(&mut self, opening: char, closing: char) -> Result<&'t str, String> {
        let rest = self.rest();
        let (mut depth, mut quote) = (0_usize, None);
        for (index, c) in rest.char_indices() {
            match quote {
                Some(open) if c == open => quote = None,
                Some(_) => {}
                None if c == '"' || c == '\'' => quote = Some(c),
                None if c == opening => depth += 1,
                None if c == closing => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += index + 1;
                        return Ok(&rest[1..index]);
                    }
                }
                None => {}
            }
        }
        Err(format!("a `{closing}` is missing"))
    }

    fn directive(&mut self) -> Result<(), String> {
        let start = self.at;
        if self.skip("##") {
            self.at += self.rest().find('\n').map_or(self.rest().len(), |end| end + 1);
            self.ends_in_comment = !self.text[..self.at].ends_with('\n');
            return Ok(());
        }
        if self.skip("#*") {
            self.at += self.rest().find("*#").ok_or("a `*#` is missing")? + 2;
            return Ok(());
        }
        if self.rest().starts_with("#[[") || self.rest().starts_with("#@") {
            return Err("`#[[` and `#@` are not allowed".to_owned());
        }
        self.at += 1;
        let is_braced = self.skip("{");
        let word = self.word();
        if is_braced && !self.skip("}") {
            return Err("a directive and a `}` are required behind `#{`".to_owned());
        }
        if FORBIDDEN.contains(&word) {
            return Err(format!("#{word} is not allowed"));
        }
        if !KNOWN.contains(&word) {
            if !is_braced && let Some(known) = KNOWN.iter().find(|known| word.starts_with(**known)) {
                return Err(format!("#{word} is no directive: write `#{{{known}}}` in front of other text"));
            }
            return self.prints();
        }
        self.obey(word).inspect_err(|_| self.at = start)
    }

    /// Reads the rest of a directive.
    fn obey(&mut self, word: &str) -> Result<(), String> {
        match word {
            "set" => {
                let (variable, rest) = assigned(self.condition(word)?)?;
                let is_whole = rest.trim_start_matches(['}', ' ', '\t']).starts_with('=');
                self.sets_document |= variable == "document" && is_whole;
                self.may_assign(variable)
            }
            "foreach" => {
                self.open.push(Block::Foreach);
                let (variable, _) = assigned(self.condition(word)?)?;
                self.may_assign(variable)
            }
            "if" => {
                self.open.push(Block::If { has_else: false });
                self.condition(word).map(drop)
            }
            "elseif" => match self.open.last() {
                Some(Block::If { has_else: false }) => self.condition(word).map(drop),
                Some(Block::If { has_else: true } | Block::Foreach) | None => Err("#elseif without an #if".to_owned()),
            },
            "else" => match self.open.last_mut() {
                Some(Block::If { has_else }) if !*has_else => {
                    *has_else = true;
                    Ok(())
                }
                Some(Block::If { .. } | Block::Foreach) | None => Err("#else without an #if".to_owned()),
            },
            "end" => self.open.pop().map(drop).ok_or_else(|| "#end without an #if or #foreach".to_owned()),
            _ if self.open.contains(&Block::Foreach) => Ok(()),
            _ => Err("#break is allowed within #foreach alone".to_owned()),
        }
    }

    /// What stands in the parentheses behind a directive.
    fn condition(&mut self, word: &str) -> Result<&'t str, String> {
        while self.skip(" ") || self.skip("\t") {}
        match self.rest().starts_with('(') {
            true => self.enclosed('(', ')'),
            false => Err(format!("`(` is required behind #{word}")),
        }
    }

    fn may_assign(&self, variable: &str) -> Result<(), String> {
        let is_header = variable.strip_prefix("header").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
        let is_taken =
            TAKEN.contains(&variable) || is_header || (variable == "document" && self.purpose == Purpose::Body);
        if is_taken { Err(format!("`${variable}` is taken: choose another name")) } else { Ok(()) }
    }
}

/// The name that a text begins with, and the rest.
fn split_name(text: &str) -> (&str, &str) {
    let is_other = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-');
    text.split_at(text.find(is_other).unwrap_or(text.len()))
}

/// The variable that a #set or #foreach begins with, and the rest.
fn assigned(said: &str) -> Result<(&str, &str), String> {
    let missing = || "a variable is required behind the `(`".to_owned();
    let variable = said.trim_start().strip_prefix('$').ok_or_else(missing)?;
    let (variable, rest) = split_name(variable.trim_start_matches(['!', '{']));
    if variable.is_empty() { Err(missing()) } else { Ok((variable, rest)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::text("hello, $input.path('$.name')!.", Purpose::Body)]
    #[case::a_choice("#if($a == 1)one#{else}other#end.", Purpose::Body)]
    #[case::no_directive("<a href=\"#top\" style=\"color: #fff\">costs 5 $</a>", Purpose::Body)]
    #[case::directives_in_quotes("$util.urlEncode('#end')$a.get(\"#stop\")", Purpose::Body)]
    #[case::a_block("#* #end *#\n## #end\nx", Purpose::Body)]
    #[case::a_loop("#foreach ($item in $list)#if($item == 'x')#break#end$item.get(0)[1]#end", Purpose::Body)]
    #[case::a_document("#set($document = '{}')", Purpose::Document)]
    #[case::a_chosen_document(
        "#if($a)\n  #set( $document = $b )\n#else ## it's c\n#{set}(${document}='{}')\n#end\n",
        Purpose::Document
    )]
    #[case::a_bracket_in_quotes("#set($document = \")('}\")", Purpose::Document)]
    fn is_kept(#[case] text: &str, #[case] purpose: Purpose) {
        assert_eq!(Raw::parse(text, purpose).map(|raw| raw.as_str().to_owned()), Ok(text.to_owned()));
    }

    #[rstest]
    #[case::an_end_too_many("a\n#end", "line 2: #end without an #if or #foreach")]
    #[case::an_end_too_few("#if($a)", "line 1: an #end is missing")]
    #[case::an_else_too_many("#if($a)#else#else#end", "line 1: #else without an #if")]
    #[case::else_of_ours("#else", "line 1: #else without an #if")]
    #[case::elseif_of_ours("#elseif(true)", "line 1: #elseif without an #if")]
    #[case::stop("#stop", "line 1: #stop is not allowed")]
    #[case::formal_stop("#{stop}", "line 1: #stop is not allowed")]
    #[case::a_break_of_ours("#break", "line 1: #break is allowed within #foreach alone")]
    #[case::ours("#set($code = 0)", "line 1: `$code` is taken: choose another name")]
    #[case::ours_by_another_spelling("#set( $!{code} = 0)", "line 1: `$code` is taken: choose another name")]
    #[case::ours_in_a_loop("#foreach($status in ['SUCCEEDED'])#end", "line 1: `$status` is taken: choose another name")]
    #[case::a_member("#set($context.x = 0)", "line 1: `$context` is taken: choose another name")]
    #[case::a_header("#set($header12 = 0)", "line 1: `$header12` is taken: choose another name")]
    #[case::the_output("#set($document = 0)", "line 1: `$document` is taken: choose another name")]
    #[case::an_override(
        "$context.responseOverride.status",
        "no override is allowed: `status`, `headers` and the action say it"
    )]
    #[case::escaped("\\#end", "line 1: no `\\` is allowed before `#` and `$`: set a variable to the character")]
    #[case::half_a_comment("a#", "line 1: nothing of `#`, `$` and `\\` is allowed at the end")]
    #[case::half_an_escape("a\\", "line 1: nothing of `#`, `$` and `\\` is allowed at the end")]
    #[case::longer("#endless", "line 1: #endless is no directive: write `#{end}` in front of other text")]
    #[case::verbatim("#[[#end]]#", "line 1: `#[[` and `#@` are not allowed")]
    #[case::an_open_quote("#set($x = ')", "line 1: a `)` is missing")]
    #[case::an_open_comment("#* x", "line 1: a `*#` is missing")]
    #[case::an_open_reference("${a", "line 1: a `}` is missing")]
    #[case::nothing_set("#set(1)", "line 1: a variable is required behind the `(`")]
    #[case::no_condition("#if $a", "line 1: `(` is required behind #if")]
    fn a_body_that_leaves_its_place_is_refused(#[case] text: &str, #[case] why: &str) {
        assert_eq!(Raw::parse(text, Purpose::Body).map(|raw| raw.as_str().to_owned()), Err(why.to_owned()));
    }

    #[rstest]
    #[case::text("{\"stateMachineArn\": \"$x\"}")]
    #[case::a_reference("#set($document = '{}')$document")]
    #[case::a_call("#set($document = '{}')$list.add(1)")]
    #[case::a_number("#set($document = '{}') 1")]
    #[case::no_directive("#set($document = '{}') #x")]
    fn a_document_prints_nothing(#[case] text: &str) {
        let refused = Raw::parse(text, Purpose::Document).map(|raw| raw.as_str().to_owned()).unwrap_err();
        assert!(refused.starts_with("line 1: nothing may be printed"), "{refused}");
    }

    #[rstest]
    #[case::nothing("")]
    #[case::a_member("#set($document.x = 1)")]
    #[case::another("#set($documents = 1)")]
    fn a_document_is_set(#[case] text: &str) {
        let refused = Raw::parse(text, Purpose::Document).map(|raw| raw.as_str().to_owned()).unwrap_err();
        assert!(refused.contains("`#set($document = ...)` is required"), "{refused}");
    }

    #[test]
    fn a_comment_at_the_end_hides_nothing_of_ours() {
        let raw = Raw::parse("a ## b", Purpose::Body).unwrap();
        assert_eq!(raw.as_str(), "a ## b\n");
    }

    /// The variables that the sources of our templates set.
    fn ours() -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/mapping")).unwrap() {
            let path = file.unwrap().path();
            let is_of_tests =
                ["raw", "tests", "readings", "replies", "refused"].map(|name| path.ends_with(format!("{name}.rs")));
            if is_of_tests.contains(&true) {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for opening in ["#set($", "#foreach($"] {
                found.extend(
                    code.split(opening)
                        .skip(1)
                        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap().to_owned()),
                );
            }
        }
        found
    }

    #[test]
    fn every_variable_of_ours_is_taken() {
        let ours = ours();
        assert!(ours.len() > 30, "{ours:?}");
        let free = ours.iter().filter(|name| !TAKEN.contains(&name.as_str()) && *name != "document");
        assert_eq!(free.collect::<Vec<_>>(), Vec::<&String>::new());
    }
}
