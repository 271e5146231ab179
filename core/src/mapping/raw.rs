//! Templates that a manifest writes itself, in the Velocity Template Language of API Gateway, for what types can't say.
//!
//! What is held of each, whatever a client sends:
//! - One for a document prints nothing: it sets `$document`, which is escaped as a whole and stands where any other document does. So no
//!   client writes the call.
//! - One for a body stays within the branch of ours that prints it: an execution that failed is not answered as one that succeeded.
//! - Neither sets a variable of ours, nor the status, a header or the call past us.
//! - Each is a template that Velocity 1.7 accepts: one that it refuses would answer every call with 500.

mod grammar;

use grammar::Cursor;

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
const FORBIDDEN: [&str; 7] = ["stop", "include", "parse", "macro", "evaluate", "define", "literal"];

impl Raw {
    /// The template, if it stays in its place; the error says where it doesn't, and what is allowed.
    pub(super) fn parse(text: &str, purpose: Purpose) -> Result<Self, String> {
        if text.contains("responseOverride") || text.contains("requestOverride") {
            return Err("no override is allowed: `status`, `headers` and the action say it".to_owned());
        }
        let mut reader = Reader::new(text, purpose);
        let read = reader.read().and_then(|()| if reader.ends_in_comment { Ok(()) } else { check_end(text) });
        read.map_err(|allowed| format!("{}: {allowed}", position(text, reader.cursor.at())))?;
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
    cursor: Cursor<'t>,
    purpose: Purpose,
    open: Vec<Block>,
    sets_document: bool,
    ends_in_comment: bool,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str, purpose: Purpose) -> Self {
        Self { cursor: Cursor::new(text), purpose, open: Vec::new(), sets_document: false, ends_in_comment: false }
    }

    fn read(&mut self) -> Result<(), String> {
        while let Some(next) = self.cursor.rest().chars().next() {
            self.ends_in_comment = false;
            self.cursor.check_behind_reference()?;
            match next {
                '#' => self.directive()?,
                '$' => {
                    self.prints()?;
                    self.cursor.printed_reference()?;
                }
                '\\' if self.cursor.rest()[1..].starts_with(['#', '$']) => {
                    return Err("no `\\` is allowed before `#` and `$`: set a variable to the character".to_owned());
                }
                text => {
                    if !text.is_whitespace() {
                        self.prints()?;
                    }
                    self.cursor.advance(text.len_utf8());
                }
            }
            self.read_quoted()?;
        }
        match (self.open.is_empty(), self.purpose, self.sets_document) {
            (false, _, _) => Err("an #end is missing".to_owned()),
            (true, Purpose::Document, false) => {
                Err("`#set($document = ...)` is required, with the document's JSON text".to_owned())
            }
            (true, Purpose::Document | Purpose::Body, _) => Ok(()),
        }
    }

    /// Velocity reads each literal in double quotes as a template of its own. What that prints is the literal's text, so it may print.
    fn read_quoted(&mut self) -> Result<(), String> {
        let end = self.cursor.at();
        for quoted in self.cursor.take_quoted() {
            self.cursor.back_to(quoted.at);
            check_end(&quoted.text)?;
            Reader::new(&quoted.text, Purpose::Body).read().map_err(|why| format!("in double quotes: {why}"))?;
        }
        self.cursor.back_to(end);
        Ok(())
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

    fn directive(&mut self) -> Result<(), String> {
        let cursor = &mut self.cursor;
        let start = cursor.at();
        if cursor.skip("##") {
            let rest = cursor.rest();
            let end = rest.find(['\n', '\r']);
            cursor.advance(end.map_or(rest.len(), |end| end + 1));
            self.ends_in_comment = end.is_none();
            return Ok(());
        }
        if cursor.skip("#*") {
            let end = cursor.rest().find("*#").ok_or("a `*#` is missing")?;
            cursor.advance(end + 2);
            return Ok(());
        }
        if cursor.rest().starts_with("#[[") || cursor.rest().starts_with("#@") {
            return Err("`#[[` and `#@` are not allowed".to_owned());
        }
        cursor.advance(1);
        let is_braced = cursor.skip("{");
        let word = cursor.word();
        if is_braced && (word.is_empty() || !cursor.skip("}")) {
            return Err("a directive and a `}` are required behind `#{`".to_owned());
        }
        if KNOWN.contains(&word) {
            return self.obey(word, start);
        }
        if FORBIDDEN.contains(&word) {
            return self.refuse(start, format!("#{word} is not allowed"));
        }
        if !is_braced && let Some(known) = KNOWN.iter().find(|known| word.starts_with(**known)) {
            let why = format!("#{word} is no directive: write `#{{{known}}}` in front of other text");
            return self.refuse(start, why);
        }
        if word.is_empty() && cursor.rest().starts_with(['$', '\\']) {
            return Err("no `$` and no `\\` is allowed behind `#`: set a variable to the character".to_owned());
        }
        if !word.is_empty() && cursor.has_arguments() {
            return Err(format!("no `(` is allowed behind #{word}, which is no directive"));
        }
        self.prints()
    }

    /// Refuses what begins at this byte.
    fn refuse(&mut self, start: usize, why: String) -> Result<(), String> {
        self.cursor.back_to(start);
        Err(why)
    }

    /// Reads the rest of a directive, which begins at the byte `start`.
    fn obey(&mut self, word: &str, start: usize) -> Result<(), String> {
        let is_allowed = match word {
            "set" => {
                let set = self.cursor.assignment()?;
                self.sets_document |= set.name == "document" && set.is_variable;
                return self.check_assigned(set.name, start);
            }
            "foreach" => {
                self.open.push(Block::Foreach);
                let item = self.cursor.iteration()?;
                return self.check_assigned(item.name, start);
            }
            "if" => {
                self.open.push(Block::If { has_else: false });
                return self.cursor.condition(word);
            }
            "elseif" if self.open.last() == Some(&Block::If { has_else: false }) => return self.cursor.condition(word),
            "elseif" => false,
            "else" => match self.open.last_mut() {
                Some(Block::If { has_else }) => !std::mem::replace(has_else, true),
                Some(Block::Foreach) | None => false,
            },
            "end" => self.open.pop().is_some(),
            _ if self.cursor.has_arguments() => return Err("no `(` is allowed behind #break".to_owned()),
            _ => self.open.contains(&Block::Foreach),
        };
        let place = match word {
            "end" => "an #if or #foreach",
            "break" => "a #foreach around it",
            _ => "an #if",
        };
        if is_allowed { Ok(()) } else { self.refuse(start, format!("#{word} without {place}")) }
    }

    fn check_assigned(&mut self, variable: &str, start: usize) -> Result<(), String> {
        let is_header = variable.strip_prefix("header").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
        let is_taken =
            TAKEN.contains(&variable) || is_header || (variable == "document" && self.purpose == Purpose::Body);
        if is_taken { self.refuse(start, format!("`${variable}` is taken: choose another name")) } else { Ok(()) }
    }
}

/// What follows on the text, the end of a literal or our own code, must not become part of its last reference or directive.
fn check_end(text: &str) -> Result<(), String> {
    match ["#", "$", "$!", "\\"].iter().any(|end| text.ends_with(end)) {
        true => Err("nothing of `#`, `$` and `\\` is allowed at the end".to_owned()),
        false => Ok(()),
    }
}

/// Where a byte of the text is, as an editor counts.
fn position(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}

#[cfg(test)]
mod tests;
