//! What stands in the parentheses of #if, #elseif, #set and #foreach.

use super::{Cursor, End, Open, Reference, Value};

/// The operators between two operands, the longer ones first. All associate and none excludes another, so their precedence doesn't matter here.
const OPERATORS: [&str; 13] = ["&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%"];
/// Those that are words.
const WORD_OPERATORS: [&str; 8] = ["and", "or", "eq", "ne", "le", "ge", "lt", "gt"];

impl<'t> Cursor<'t> {
    /// Expression
    fn expression(&mut self) -> Result<(), String> {
        loop {
            self.operand()?;
            if !self.operator()? {
                return Ok(());
            }
        }
    }

    fn operator(&mut self) -> Result<bool, String> {
        let rest = self.rest();
        let is_negative = |rest: &str| rest.strip_prefix('.').unwrap_or(rest).starts_with(|c: char| c.is_ascii_digit());
        if rest.strip_prefix('-').is_some_and(is_negative) {
            return Err("a space is required between `-` and a number".to_owned());
        }
        Ok(OPERATORS.iter().any(|operator| self.skip(operator))
            || WORD_OPERATORS.iter().any(|word| self.skip_word(word)))
    }

    /// UnaryExpression
    fn operand(&mut self) -> Result<(), String> {
        self.whitespace();
        while !self.rest().starts_with("!=") && self.skip("!") || self.skip_word("not") {
            self.whitespace();
        }
        if self.rest().starts_with('(') {
            self.nested(Self::parenthesized)?;
        } else {
            self.value()?;
        }
        self.whitespace();
        Ok(())
    }

    fn parenthesized(&mut self) -> Result<(), String> {
        self.at += 1;
        self.expression()?;
        self.closing()
    }

    fn closing(&mut self) -> Result<(), String> {
        if self.skip(")") { Ok(()) } else { Err("an operator or `)` is required".to_owned()) }
    }

    /// What stands behind #if and #elseif.
    pub(in super::super) fn condition(&mut self, word: &str) -> Result<(), String> {
        self.whitespace();
        match self.rest().starts_with('(') {
            true => self.parenthesized(),
            false => Err(format!("`(` is required behind #{word}")),
        }
    }

    /// SetDirective behind `#set`: the variable that is set.
    pub(in super::super) fn assignment(&mut self) -> Result<Reference<'t>, String> {
        let follows_reference = self.set_at.take().is_some();
        self.run(|c| c == ' ');
        if !self.skip("(") {
            return Err("`(` is required behind #set".to_owned());
        }
        self.whitespace();
        let set = self.variable()?;
        self.whitespace();
        if set.is_call {
            return Err("a call can't be set".to_owned());
        }
        if self.rest().starts_with("==") || !self.skip("=") {
            return Err("`=` is required behind the variable".to_owned());
        }
        self.expression()?;
        self.closing()?;
        if follows_reference {
            let spaces = self.rest().trim_start_matches([' ', '\t']);
            if spaces.starts_with(['\n', '\r']) {
                self.at += self.rest().len() - spaces.trim_start_matches('\r').trim_start_matches('\n').len();
            }
            self.open = Some(Open { at: self.at, end: End::Member });
        }
        Ok(set)
    }

    /// What stands behind #foreach: the variable that is set.
    pub(in super::super) fn iteration(&mut self) -> Result<Reference<'t>, String> {
        self.whitespace();
        if !self.skip("(") {
            return Err("`(` is required behind #foreach".to_owned());
        }
        self.whitespace();
        let item = self.variable()?;
        self.whitespace();
        if !item.is_variable || !self.skip_word("in") {
            return Err("`$variable in` is required behind `(`".to_owned());
        }
        match self.parameter()? {
            Value::Reference | Value::List if self.skip(")") => Ok(item),
            Value::Reference | Value::List => Err("`)` is required".to_owned()),
            Value::Integer | Value::Float | Value::Scalar => {
                Err("a variable, a list or a map is required behind `in`".to_owned())
            }
        }
    }

    fn variable(&mut self) -> Result<Reference<'t>, String> {
        match self.rest().starts_with('$') {
            true => self.reference(),
            false => Err("a variable is required behind the `(`".to_owned()),
        }
    }

    /// Whether Velocity would read arguments here, behind the name of a directive that takes none: it looks over white space for a `(`.
    pub(in super::super) fn has_arguments(&self) -> bool {
        self.rest().trim_start_matches([' ', '\t', '\n', '\r']).starts_with('(')
    }
}
