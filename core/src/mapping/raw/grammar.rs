//! The references and expressions of a template, as the parser of Velocity 1.7 accepts them: a template that it refuses would answer every call
//! with 500. Source: `Parser.jjt` of Apache Velocity 1.7, whose token and production names are in capitals below.

mod expression;

/// How deep brackets may nest.
const DEPTH_MAX: usize = 50;

/// A place in a template.
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    quoted: Vec<Quoted>,
    /// Where a reference in the text ends without a `}`: Velocity's lexer is in a state of its own there.
    open: Option<Open>,
    /// Where a `#set` follows on such a reference, which doesn't end that state.
    set_at: Option<usize>,
}

/// Where a reference ends that has no `}`.
#[derive(Clone, Copy)]
struct Open {
    at: usize,
    end: End,
}

/// A literal in double quotes, which Velocity reads as a template of its own.
pub(super) struct Quoted {
    /// Where it begins, in bytes.
    pub at: usize,
    /// The text between the quotes.
    pub text: String,
}

/// A reference such as `$!{name.member("x")[0]}`.
pub(super) struct Reference<'t> {
    /// The variable's name.
    pub name: &'t str,
    /// Whether nothing follows on the name.
    pub is_variable: bool,
    /// Whether it ends with a method's call.
    is_call: bool,
    /// Its last character.
    end: End,
}

/// What a reference ends with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Name,
    Member,
    Index,
    Call,
    Brace,
}

/// What stands in an array or behind a method's name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Integer,
    Float,
    Scalar,
    Reference,
    List,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, depth: 0, quoted: Vec::new(), open: None, set_at: None }
    }

    /// How much was read, in bytes.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Reads on from this byte, which must be between two characters.
    pub(super) fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Skips this many bytes.
    pub(super) fn advance(&mut self, bytes: usize) {
        self.at += bytes;
    }

    /// Skips `text`, if it is next.
    pub(super) fn skip(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.at += text.len();
        }
        is_next
    }

    /// The literals in double quotes that were read and hold a reference or a directive, once.
    pub(super) fn take_quoted(&mut self) -> Vec<Quoted> {
        std::mem::take(&mut self.quoted)
    }

    /// The longest run of characters that `is` holds for.
    fn run(&mut self, is: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let run = &rest[..rest.find(|c| !is(c)).unwrap_or(rest.len())];
        self.at += run.len();
        run
    }

    /// WHITESPACE
    fn whitespace(&mut self) {
        self.run(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
    }

    /// WORD, the name of a directive; it may be empty.
    pub(super) fn word(&mut self) -> &'t str {
        match self.rest().chars().next() {
            Some(first) if first.is_ascii_alphabetic() || first == '_' => self.run(is_word),
            Some(_) | None => "",
        }
    }

    /// Skips this word, if it is next as a whole.
    fn skip_word(&mut self, word: &str) -> bool {
        let is_next = self.rest().strip_prefix(word).is_some_and(|rest| !rest.starts_with(is_word));
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    /// IDENTIFIER; it may be empty.
    fn identifier(&mut self) -> &'t str {
        match self.rest().chars().next() {
            Some(first) if first.is_ascii_alphabetic() || first == '_' => {
                self.run(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
            }
            Some(_) | None => "",
        }
    }

    /// Reads a reference in the text, or a `$` that is no more than a character.
    pub(super) fn printed_reference(&mut self) -> Result<(), String> {
        let rest = self.rest().trim_start_matches('$');
        let inner = rest.strip_prefix('!').unwrap_or(rest);
        let is_reference = inner.starts_with(|c: char| c == '{' || c.is_ascii_alphabetic() || c == '_');
        if !is_reference {
            return match inner.chars().next() {
                // Velocity doesn't see the directive behind a `$`, and leaves it in the text.
                Some(next @ ('\\' | '#')) => {
                    Err(format!("no `{next}` is allowed behind `$`: set a variable to the character"))
                }
                Some('.') if rest.starts_with('!') => Err("no `.` is allowed behind `$!`".to_owned()),
                Some(_) | None => {
                    self.at += self.rest().len() - inner.len();
                    Ok(())
                }
            };
        }
        self.at += self.rest().len() - rest.len() - 1; // of several `$` the last one begins the reference
        let end = self.reference()?.end;
        self.open = (end != End::Brace).then_some(Open { at: self.at, end });
        Ok(())
    }

    /// Checks what follows on a reference without a `}`: there Velocity's lexer reads some characters as parts of the reference, and then
    /// refuses the template, or doesn't see a comment.
    pub(super) fn check_behind_reference(&mut self) -> Result<(), String> {
        let Some(open) = self.open.take_if(|open| open.at <= self.at).filter(|open| open.at == self.at) else {
            return Ok(());
        };
        let rest = self.rest();
        if matches!(open.end, End::Call | End::Index) && rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        {
            // Text that Velocity's lexer takes for a name.
            let word = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(rest.len());
            self.open = Some(Open { at: self.at + word, end: End::Name });
        }
        let directive = rest.trim_start_matches([' ', '\t']);
        if directive.starts_with("#set") || directive.starts_with("#{set}") {
            self.set_at = Some(self.at + rest.len() - directive.len());
            return Ok(());
        }
        let is_letter = |text: &str| text.starts_with(|c: char| c.is_ascii_alphabetic());
        let inner = rest.trim_start_matches('$').trim_start_matches('!');
        let is_reference = is_letter(inner) || inner.starts_with(['_', '{']);
        let is_read_on = match rest.chars().next() {
            Some('[' | '{') => true,
            Some('.') => is_letter(&rest[1..]),
            Some('(') => open.end == End::Member,
            Some('$') => open.end == End::Member || !is_reference,
            Some('#') => rest.starts_with("##") || rest.starts_with("#*"),
            Some(_) => rest.starts_with("true") || rest.starts_with("false"),
            None => false,
        };
        match is_read_on {
            true => Err("`${...}` is required around the variable that ends here".to_owned()),
            false => Ok(()),
        }
    }

    /// Reference
    fn reference(&mut self) -> Result<Reference<'t>, String> {
        self.at += 1;
        self.skip("!");
        let is_formal = self.skip("{");
        let name = self.identifier();
        match name {
            "" => return Err("a variable's name is required behind `$`".to_owned()),
            "true" | "false" => return Err(format!("`${name}` is no variable: write `{name}`")),
            _ => {}
        }
        let (start, mut end) = (self.at, End::Name);
        loop {
            if self.rest().starts_with('[') {
                self.index()?;
                end = End::Index;
            } else if self
                .rest()
                .strip_prefix('.')
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
            {
                self.at += 1;
                let member = self.identifier();
                if member == "true" || member == "false" {
                    return Err(format!("`.{member}` is no member that Velocity reads: use `.get('{member}')`"));
                }
                end = if self.rest().starts_with('(') { End::Call } else { End::Member };
                if end == End::Call {
                    self.arguments()?;
                }
            } else {
                break;
            }
        }
        let is_variable = self.at == start;
        match is_formal && !self.skip("}") {
            true => Err("a `}` is missing".to_owned()),
            false => Ok(Reference {
                name,
                is_variable,
                is_call: end == End::Call,
                end: if is_formal { End::Brace } else { end },
            }),
        }
    }

    /// Index
    fn index(&mut self) -> Result<(), String> {
        self.at += 1;
        self.whitespace();
        let is_index = !matches!(self.value()?, Value::Float | Value::List);
        self.whitespace();
        let allowed = "a whole number, a text or a variable is required between `[` and `]`";
        if is_index && self.skip("]") { Ok(()) } else { Err(allowed.to_owned()) }
    }

    /// The arguments of Method: values alone, as in an array.
    fn arguments(&mut self) -> Result<(), String> {
        self.at += 1;
        if self.skip(")") {
            return Ok(());
        }
        self.values(")")
    }

    /// Values between commas up to `end`.
    fn values(&mut self, end: &str) -> Result<(), String> {
        self.nested(|cursor| {
            loop {
                cursor.parameter()?;
                if cursor.skip(end) {
                    return Ok(());
                }
                if !cursor.skip(",") {
                    return Err(format!(
                        "`,` or `{end}` is required, and no operator is allowed: #set a variable first"
                    ));
                }
            }
        })
    }

    /// Parameter
    fn parameter(&mut self) -> Result<Value, String> {
        self.whitespace();
        let value = self.value()?;
        self.whitespace();
        Ok(value)
    }

    fn value(&mut self) -> Result<Value, String> {
        match self.rest().chars().next() {
            Some('\'' | '"') => self.string().map(|()| Value::Scalar),
            Some('$') => self.reference().map(|_| Value::Reference),
            Some('[') => self.list(),
            Some('{') => self.map(),
            Some(_) if self.skip_word("true") || self.skip_word("false") => Ok(Value::Scalar),
            Some(_) | None => self.number(),
        }
    }

    /// STRING_LITERAL: no character is escaped, and a quote is written twice.
    fn string(&mut self) -> Result<(), String> {
        let start = self.at;
        let quote = if self.skip("'") { '\'' } else { '"' };
        self.at = start + 1;
        loop {
            let end = self.rest().find(quote).ok_or_else(|| format!("a `{quote}` is missing"))?;
            self.at += end + 1;
            if !self.rest().starts_with(quote) {
                break;
            }
            self.at += 1;
        }
        let text = &self.text[start + 1..self.at - 1];
        if quote == '"' {
            let text = unescaped(&text.replace("\"\"", "\""))?;
            if text.contains(['$', '#']) {
                self.quoted.push(Quoted { at: start, text });
            }
        }
        Ok(())
    }

    /// INTEGER_LITERAL or FLOATING_POINT_LITERAL
    fn number(&mut self) -> Result<Value, String> {
        let start = self.at;
        self.skip("-");
        let whole = self.run(|c| c.is_ascii_digit());
        let is_range = !whole.is_empty() && self.rest().starts_with("..");
        let mut is_integer = !whole.is_empty();
        if !is_range && self.rest().starts_with('.') {
            self.at += 1;
            let fraction = self.run(|c| c.is_ascii_digit());
            is_integer = false;
            if whole.is_empty() && fraction.is_empty() {
                self.at = start;
                return Err(REQUIRED.to_owned());
            }
        } else if whole.is_empty() {
            self.at = start;
            return Err(REQUIRED.to_owned());
        }
        is_integer &= is_range || !self.exponent();
        Ok(if is_integer { Value::Integer } else { Value::Float })
    }

    fn exponent(&mut self) -> bool {
        let start = self.at;
        if self.skip("e") || self.skip("E") {
            let _ = self.skip("+") || self.skip("-");
            if !self.run(|c| c.is_ascii_digit()).is_empty() {
                return true;
            }
        }
        self.at = start;
        false
    }

    /// IntegerRange or ObjectArray
    fn list(&mut self) -> Result<Value, String> {
        self.at += 1;
        if self.skip("]") {
            return Ok(Value::List);
        }
        let start = self.at;
        if matches!(self.parameter(), Ok(Value::Integer | Value::Reference)) && self.skip("..") {
            let allowed = || "a whole number or a variable is required on both sides of `..`, then `]`".to_owned();
            let is_end = matches!(self.parameter()?, Value::Integer | Value::Reference);
            return if is_end && self.skip("]") { Ok(Value::List) } else { Err(allowed()) };
        }
        self.at = start;
        self.values("]").map(|()| Value::List)
    }

    /// Map
    fn map(&mut self) -> Result<Value, String> {
        self.at += 1;
        let start = self.at;
        self.whitespace();
        if self.skip("}") {
            return Ok(Value::List);
        }
        self.at = start;
        self.nested(|cursor| {
            loop {
                cursor.parameter()?;
                if !cursor.skip(":") {
                    return Err("`:` is required behind a key".to_owned());
                }
                cursor.parameter()?;
                if cursor.skip("}") {
                    return Ok(Value::List);
                }
                if !cursor.skip(",") {
                    return Err("`,` or `}` is required".to_owned());
                }
            }
        })
    }

    /// Reads what is nested once more.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.depth += 1;
        let result = if self.depth > DEPTH_MAX {
            Err(format!("at most {DEPTH_MAX} brackets are allowed in each other"))
        } else {
            read(self)
        };
        self.depth -= 1;
        result
    }
}

const REQUIRED: &str = "a variable, a number, a text in quotes, `true`, `false`, `[` or `{` is required";

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '@'
}

/// The text of a literal in double quotes, whose `\uXXXX` Velocity replaces before it reads the rest.
fn unescaped(text: &str) -> Result<String, String> {
    let mut parts = text.split("\\u");
    let mut unescaped = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let code = code.ok_or("four hexadecimal digits are required behind `\\u` in double quotes")?;
        unescaped.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)); // half of a surrogate pair
        unescaped.push_str(&part[4..]);
    }
    Ok(unescaped)
}
