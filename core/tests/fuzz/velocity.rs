//! A reader of our request templates that knows every form they may have, and follows what a client wrote through them: it may stand in a
//! document as JSON, or escaped between quotes, and is printed escaped alone. What a manifest says stands between single quotes or as
//! JSON without a `$` or `#`; wherever it got out, the rest has none of the known forms.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a variable holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Ours, or the manifest's.
    Said,
    /// A client's text as it came.
    Raw,
    /// JSON text.
    Json,
    /// Text as it stands between the quotes of a JSON string.
    Escaped,
}

type Kinds = BTreeMap<String, Kind>;

/// One `#if` or `#foreach` that has not ended: what was known before it, and after the branches so far.
struct Branch {
    before: Kinds,
    after: Option<Kinds>,
    has_else: bool,
}

struct Reader<'t> {
    rest: &'t str,
    kinds: Kinds,
    branches: Vec<Branch>,
    printed: String,
}

/// What a directive says: single quotes emptied, double ones as they are, and what stood between the single ones.
struct Directive {
    form: String,
    quoted: Vec<String>,
}

const ESCAPED_END: &str = r#").replaceAll("\\'","'")"#;

/// The documents that a template may print, with `x` for each value of a request; or where it has an unknown form.
pub fn printed(template: &str) -> Result<Vec<Value>, String> {
    let mut reader = Reader { rest: template, kinds: Kinds::new(), branches: Vec::new(), printed: String::new() };
    while !reader.rest.is_empty() {
        reader.step()?;
    }
    if !reader.branches.is_empty() {
        return Err("a directive doesn't end".to_owned());
    }
    let documents = serde_json::Deserializer::from_str(&reader.printed).into_iter().collect::<Result<Vec<Value>, _>>();
    documents.map_err(|error| format!("no JSON is printed: {error}: {}", reader.printed))
}

impl Reader<'_> {
    fn step(&mut self) -> Result<(), String> {
        for (opening, read) in [
            ("#set(", Self::set as fn(&mut Self, &Directive) -> Result<(), String>),
            ("#if(", Self::begin),
            ("#foreach(", Self::begin),
            ("#elseif(", Self::other),
        ] {
            if let Some(rest) = self.rest.strip_prefix(opening) {
                self.rest = rest;
                let directive = self.directive()?;
                return read(self, &directive);
            }
        }
        if let Some(rest) = self.rest.strip_prefix("#else") {
            self.rest = rest;
            return self.turn(true);
        }
        if let Some(rest) = self.rest.strip_prefix("#end") {
            self.rest = rest;
            return self.end();
        }
        if let Some(rest) = self.rest.strip_prefix("$util.escapeJavaScript(") {
            let (variable, rest) = rest.split_once(ESCAPED_END).ok_or_else(|| self.unknown("a reference"))?;
            self.kind(variable)?;
            (self.rest, self.printed) = (rest, format!("{}x", self.printed));
            return Ok(());
        }
        let first = self.rest.chars().next().ok_or("nothing is left")?;
        if "$#'".contains(first) || !(first == '\n' || matches!(first, ' '..='~')) || self.rest.starts_with("\\\\") {
            return Err(self.unknown("something"));
        }
        self.printed.push(first);
        self.rest = &self.rest[first.len_utf8()..];
        Ok(())
    }

    fn unknown(&self, what: &str) -> String {
        format!("{what} of an unknown form: {}", self.rest.chars().take(200).collect::<String>())
    }

    /// Up to the parenthesis that closes it.
    fn directive(&mut self) -> Result<Directive, String> {
        let mut directive = Directive { form: String::new(), quoted: Vec::new() };
        let mut depth = 0_usize;
        loop {
            let first = self.rest.chars().next().ok_or("a directive doesn't end")?;
            self.rest = &self.rest[first.len_utf8()..];
            match first {
                '\'' | '"' => {
                    let (quoted, rest) = self.rest.split_once(first).ok_or("a string doesn't end")?;
                    self.rest = rest;
                    if first == '"' {
                        directive.form.push_str(&format!("\"{quoted}\""));
                    } else {
                        directive.quoted.push(quoted.to_owned());
                        directive.form.push_str("''");
                    }
                    continue;
                }
                '(' => depth += 1,
                ')' if depth == 0 => return Ok(directive),
                ')' => depth -= 1,
                _ => {}
            }
            directive.form.push(first);
        }
    }

    fn kind(&self, variable: &str) -> Result<Kind, String> {
        match variable.strip_prefix('$') {
            // A client's name of a header, a parameter or a field.
            Some("input.body" | "name" | "pair") => Ok(Kind::Raw),
            Some(name) => self.kinds.get(name).copied().ok_or_else(|| format!("{variable} is read before it is set")),
            None => Err(format!("no variable: {variable}")),
        }
    }

    fn set(&mut self, directive: &Directive) -> Result<(), String> {
        let (variable, value) = directive.form.split_once(" = ").ok_or_else(|| self.unknown("#set"))?;
        let name = variable.strip_prefix('$').filter(|name| name.chars().all(char::is_alphabetic));
        let name = name.ok_or_else(|| format!("not to be set: {variable}"))?;
        let kind = self.value(value, &directive.quoted)?;
        self.kinds.insert(name.to_owned(), kind);
        Ok(())
    }

    fn value(&self, value: &str, quoted: &[String]) -> Result<Kind, String> {
        if let Some(inside) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) {
            let variable = inside.strip_prefix("$context.").or_else(|| inside.strip_prefix("$!context."));
            return match variable {
                Some(name) if name.chars().all(|c| c.is_ascii_alphabetic() || c == '.') => Ok(Kind::Raw),
                None if inside == "$!found" => self.kind("$found"),
                Some(_) | None => self.composed(inside),
            };
        }
        if let Some(variable) =
            value.strip_prefix("$util.escapeJavaScript(").and_then(|rest| rest.strip_suffix(ESCAPED_END))
        {
            return self.kind(variable).map(|_| Kind::Escaped);
        }
        match value {
            "''" | "true" | "false" | "0" | "$pair.indexOf('')" | "$at + 1" => Ok(Kind::Said),
            "$input.json('')" if quoted[0] == "$" => Ok(Kind::Json),
            "$input.json('')" => is_path(&quoted[0]).map(|()| Kind::Json),
            "$input.path('')" => is_path(&quoted[0]).map(|()| Kind::Raw),
            "$input.params().path.get('')" | "$input.params().querystring.get('')" => {
                is_name(&quoted[0]).map(|()| Kind::Raw)
            }
            "$input.params().header.get($name)"
            | "$input.params().querystring.get($name)"
            | "$util.urlDecode($value.replace('', ''))" => Ok(Kind::Raw),
            "$context.authorizer.claims.get('')" | "$context.authorizer.get('')" => {
                let is_key = |c: char| c.is_ascii_alphanumeric() || "._-:/@ ".contains(c);
                if quoted[0].chars().all(is_key) { Ok(Kind::Raw) } else { Err(format!("no key: {}", quoted[0])) }
            }
            "$stageVariables['']" => is_name(&quoted[0]).map(|()| Kind::Raw),
            "$util.base64Encode($decoded).replaceAll('', '')"
            | "$util.base64Decode($value)"
            | "$pair.substring(0, $at)"
            | "$pair.substring($at)"
            | "$util.urlDecode($word)"
            | "$util.urlDecode($raw)" => Ok(Kind::Raw),
            "$value" | "$given" | "$decoded" | "$pair" | "$input.body" => self.kind(value),
            _ => Err(format!("a value of an unknown form: {value}")),
        }
    }

    /// The text of a document so far, and what is added to it.
    fn composed(&self, inside: &str) -> Result<Kind, String> {
        let (mut rest, mut between_quotes) = (inside, false);
        while !rest.is_empty() {
            if rest == "}" {
                return Ok(Kind::Said);
            }
            // Between a name and its value.
            if let (Some(behind), false) = (rest.strip_prefix(':'), between_quotes) {
                rest = behind;
                continue;
            }
            let (name, behind) = rest
                .strip_prefix("${")
                .and_then(|rest| rest.split_once('}'))
                .ok_or_else(|| format!("not a document: {inside}"))?;
            match (name, self.kinds.get(name), between_quotes) {
                ("quote", Some(Kind::Said), _) => between_quotes = !between_quotes,
                ("value" | "word", Some(Kind::Escaped), true) | ("value", Some(Kind::Json | Kind::Said), false) => {}
                ("text" | "comma" | "part", Some(Kind::Said), false) => {}
                (name, kind, _) => return Err(format!("{name} is {kind:?} in {inside}")),
            }
            rest = behind;
        }
        if between_quotes { Err(format!("a quote is open in {inside}")) } else { Ok(Kind::Said) }
    }

    fn condition(directive: &Directive) -> Result<(), String> {
        const FORMS: [&str; 30] = [
            "$complete == true",
            "$given == true",
            "$given == false",
            "$errorGiven == true",
            "$causeGiven == true",
            "$value == ''",
            "$value != ''",
            "$json == ''",
            "$json.startsWith('') == true",
            "$input.path('').length() != 0",
            "$input.params().querystring.containsKey('') == true",
            "$name.equalsIgnoreCase('') == true",
            "$value.matches('') == true",
            "$value.matches('') == false",
            "$input.body.matches('') == true",
            "$input.body.matches('') == false",
            "$input.body != ''",
            "$value.startsWith('') == true",
            "$util.base64Decode($value) != $decoded",
            "$util.base64Encode($decoded).replaceAll('', '') != $value",
            "$util.base64Decode('').length() != 1",
            "$decoded.matches('') == false",
            "$at >= 0",
            "$word == ''",
            "$word.matches('') == false",
            "$raw.matches('') == true",
            "$name.matches('') == true",
            "$stateMachine == ''",
            "$executionName.matches('') == false",
            "$executionNameGiven == true",
        ];
        const LOOPS: [&str; 3] = [
            "$name in $input.params().header.keySet()",
            "$name in $input.params().querystring.keySet()",
            "$pair in $input.body.split('')",
        ];
        let is_loop = LOOPS.contains(&directive.form.as_str());
        if is_loop || FORMS.contains(&directive.form.as_str()) {
            Ok(())
        } else {
            Err(format!("an unknown condition: {}", directive.form))
        }
    }

    fn begin(&mut self, directive: &Directive) -> Result<(), String> {
        self.branches.push(Branch { before: self.kinds.clone(), after: None, has_else: false });
        Self::condition(directive)
    }

    fn other(&mut self, directive: &Directive) -> Result<(), String> {
        self.turn(false)?;
        Self::condition(directive)
    }

    fn turn(&mut self, is_last: bool) -> Result<(), String> {
        let branch = self.branches.last_mut().ok_or("#else without #if")?;
        branch.after = Some(either(branch.after.take(), &self.kinds));
        branch.has_else = is_last;
        self.kinds = branch.before.clone();
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let branch = self.branches.pop().ok_or("#end without #if")?;
        let mut after = either(branch.after, &self.kinds);
        if !branch.has_else {
            after = either(Some(after), &branch.before);
        }
        self.kinds = after;
        Ok(())
    }
}

/// What is known of each variable where either may have happened: the worse. What we say in place of a value is harmless anywhere.
fn either(one: Option<Kinds>, other: &Kinds) -> Kinds {
    let Some(mut all) = one else { return other.clone() };
    for (name, kind) in other {
        let known = all.entry(name.clone()).or_insert(*kind);
        *known = match (*known, *kind) {
            (one, other) if one == other => one,
            (Kind::Said, other) | (other, Kind::Said) => other,
            _ => Kind::Raw,
        };
    }
    all
}

/// One member below another, and nothing that can mean several or none.
fn is_path(path: &str) -> Result<(), String> {
    let wrong = || format!("no path to one member: {path}");
    let mut rest = path.strip_prefix('$').filter(|rest| !rest.is_empty()).ok_or_else(wrong)?;
    while !rest.is_empty() {
        let (name, behind) = match rest.strip_prefix("[\"") {
            Some(quoted) => quoted.split_once("\"]").ok_or_else(wrong)?,
            None => {
                let plain = rest.strip_prefix('.').ok_or_else(wrong)?;
                plain.split_at(plain.find(['.', '[']).unwrap_or(plain.len()))
            }
        };
        let allowed = if rest.starts_with('[') { "_-.:@/ " } else { "_" };
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || allowed.contains(c)) {
            return Err(wrong());
        }
        rest = behind;
    }
    Ok(())
}

fn is_name(name: &str) -> Result<(), String> {
    let right = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if right { Ok(()) } else { Err(format!("no name: {name}")) }
}

#[test]
fn what_is_not_escaped_is_seen() {
    let set = "#set($quote = '\"')\n#set($text = '{')\n#set($comma = '')\n#set($part = '\"a\":')\n#set($value = $input.params().path.get('a'))\n";
    let add = "#set($text = \"${text}${comma}${part}${quote}${value}${quote}\")\n";
    let escape = format!("#set($value = $util.escapeJavaScript($value{ESCAPED_END})\n");
    let print = format!("{{\"input\": \"$util.escapeJavaScript($text{ESCAPED_END}\"}}");
    assert_eq!(printed(&format!("{set}{escape}{add}{print}")).unwrap(), [serde_json::json!({ "input": "x" })]);
    let wrong = [
        format!("{set}{add}{print}"),
        format!("{set}#if($given == true)\n{escape}#end\n{add}{print}"),
        format!("{set}{escape}{add}{{\"input\": \"$text\"}}"),
        format!("{set}{escape}{add}{{\"input\": \"$input.body\"}}"),
        format!("{set}{escape}#set($text = \"${{text}}${{comma}}${{part}}${{value}}\")\n{print}"),
        "#set($value = $input.json('$.a[*]'))".to_owned(),
        "#set($part = 'a'.b')".to_owned(),
        "#evaluate('x')".to_owned(),
        "{\"input\": \"".to_owned(),
    ];
    for template in wrong {
        assert!(printed(&template).is_err(), "{template}");
    }
}
