//! JSON as RFC 8259 has it, read here and nowhere else: what a client meant is not told by the parsers that it is sent through. Strings
//! are UTF-16, as JSON's escapes are, numbers are the digits that were written, and nothing that is there twice is lost.

/// How deep a document nests at most, for the sake of our own stack.
const DEPTH_MAX: usize = 1000;

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Null,
    Bool(bool),
    Number(String),
    Text(Vec<u16>),
    List(Vec<Node>),
    Object(Vec<(Vec<u16>, Node)>),
}

/// Characters as JSON's escapes count them.
pub fn utf16(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

impl Node {
    /// The one document that a text is; none if it is anything else.
    pub fn read(text: &str) -> Option<Self> {
        let mut reader = Reader { rest: text };
        let node = reader.node(DEPTH_MAX)?;
        reader.blanks();
        reader.rest.is_empty().then_some(node)
    }

    pub fn text(text: &str) -> Self {
        Self::Text(utf16(text))
    }

    /// The last member of this name, as every parser has it that keeps one alone.
    pub fn member(&self, name: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        let name = utf16(name);
        members.iter().rev().find(|(found, _)| *found == name).map(|(_, node)| node)
    }

    /// Whether `found` is this document to whoever reads numbers as doubles. Nothing may be twice in what is found.
    pub fn is(&self, found: &Self) -> bool {
        match (self, found) {
            (Self::Number(meant), Self::Number(found)) => {
                let double = |digits: &str| digits.parse::<f64>().ok().filter(|double| double.is_finite());
                meant == found || double(meant).is_some_and(|meant| Some(meant) == double(found))
            }
            (Self::List(meant), Self::List(found)) => {
                meant.len() == found.len() && meant.iter().zip(found).all(|(meant, found)| meant.is(found))
            }
            (Self::Object(meant), Self::Object(found)) => {
                let names = |members: &[(Vec<u16>, Self)]| {
                    let mut names: Vec<Vec<u16>> = members.iter().map(|(name, _)| name.clone()).collect();
                    names.sort();
                    names
                };
                let mut expected = names(meant);
                expected.dedup();
                let last = |name: &Vec<u16>| meant.iter().rev().find(|(found, _)| found == name).map(|(_, node)| node);
                names(found) == expected
                    && found.iter().all(|(name, node)| last(name).is_some_and(|meant| meant.is(node)))
            }
            (meant, found) => meant == found,
        }
    }

    /// Every node, this one first.
    pub fn all(&self) -> Vec<&Self> {
        let mut found = vec![self];
        let mut at = 0;
        while let Some(node) = found.get(at) {
            match node {
                Self::List(items) => found.extend(items),
                Self::Object(members) => found.extend(members.iter().map(|(_, node)| node)),
                Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => {}
            }
            at += 1;
        }
        found
    }
}

struct Reader<'t> {
    rest: &'t str,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn takes(&mut self, word: &str) -> bool {
        let behind = self.rest.strip_prefix(word);
        self.rest = behind.unwrap_or(self.rest);
        behind.is_some()
    }

    fn next(&mut self) -> Option<char> {
        let first = self.rest.chars().next()?;
        self.rest = &self.rest[first.len_utf8()..];
        Some(first)
    }

    fn node(&mut self, depth: usize) -> Option<Node> {
        self.blanks();
        match self.rest.as_bytes().first()? {
            b'{' => self.object(depth.checked_sub(1)?),
            b'[' => self.list(depth.checked_sub(1)?),
            b'"' => self.string().map(Node::Text),
            b'-' | b'0'..=b'9' => self.number(),
            _ => [("null", Node::Null), ("true", Node::Bool(true)), ("false", Node::Bool(false))]
                .into_iter()
                .find(|(word, _)| self.takes(word))
                .map(|(_, node)| node),
        }
    }

    fn list(&mut self, depth: usize) -> Option<Node> {
        let mut items = Vec::new();
        self.next();
        self.blanks();
        if self.takes("]") {
            return Some(Node::List(items));
        }
        loop {
            items.push(self.node(depth)?);
            self.blanks();
            match self.next()? {
                ',' => {}
                ']' => return Some(Node::List(items)),
                _ => return None,
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Node> {
        let mut members = Vec::new();
        self.next();
        self.blanks();
        if self.takes("}") {
            return Some(Node::Object(members));
        }
        loop {
            self.blanks();
            let name = self.string()?;
            self.blanks();
            if !self.takes(":") {
                return None;
            }
            members.push((name, self.node(depth)?));
            self.blanks();
            match self.next()? {
                ',' => {}
                '}' => return Some(Node::Object(members)),
                _ => return None,
            }
        }
    }

    fn string(&mut self) -> Option<Vec<u16>> {
        if !self.takes("\"") {
            return None;
        }
        let mut units = Vec::new();
        loop {
            match self.next()? {
                '"' => return Some(units),
                '\\' => units.push(self.escape()?),
                '\0'..='\u{1f}' => return None,
                c => units.extend_from_slice(c.encode_utf16(&mut [0; 2])),
            }
        }
    }

    fn escape(&mut self) -> Option<u16> {
        let c = match self.next()? {
            c @ ('"' | '\\' | '/') => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let digits = self.rest.get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
                self.rest = &self.rest[4..];
                return u16::from_str_radix(digits, 16).ok();
            }
            _ => return None,
        };
        u16::try_from(u32::from(c)).ok()
    }

    fn number(&mut self) -> Option<Node> {
        let whole = self.rest;
        let digits = |reader: &mut Self| {
            let before = reader.rest.len();
            reader.rest = reader.rest.trim_start_matches(|c: char| c.is_ascii_digit());
            before - reader.rest.len()
        };
        self.takes("-");
        let leading_zero = self.rest.starts_with('0');
        match digits(self) {
            0 => return None,
            2.. if leading_zero => return None,
            _ => {}
        }
        if self.takes(".") && digits(self) == 0 {
            return None;
        }
        if self.takes("e") || self.takes("E") {
            let _ = self.takes("+") || self.takes("-");
            if digits(self) == 0 {
                return None;
            }
        }
        Some(Node::Number(whole[..whole.len() - self.rest.len()].to_owned()))
    }
}

#[test]
fn a_document_is_read_as_rfc_8259_has_it() {
    for text in [
        "",
        "01",
        "+1",
        ".5",
        "1.",
        "1e",
        "-",
        "NaN",
        "{'a':1}",
        "{a:1}",
        "[1,]",
        "\"\t\"",
        "\"\\x\"",
        "\u{feff}1",
        "1 2",
        "[",
        "nul",
    ] {
        assert_eq!(Node::read(text), None, "{text:?}");
    }
    let read = Node::read(" {\"a\" : [1e400,-0,\"\\ud800\\u0041\\/é\"],\"a\":null} \n").unwrap();
    let items =
        vec![Node::Number("1e400".into()), Node::Number("-0".into()), Node::Text(vec![0xd800, 0x41, 0x2f, 0xe9])];
    assert_eq!(read, Node::Object(vec![(utf16("a"), Node::List(items)), (utf16("a"), Node::Null)]));
    assert_eq!(read.member("a"), Some(&Node::Null));
    let number = |digits: &str| Node::Number(digits.to_owned());
    assert!(
        number("1.10").is(&number("11e-1"))
            && !number("1e400").is(&number("2e400"))
            && !number("1").is(&Node::text("1"))
    );
    assert!(read.is(&Node::read("{\"a\":null}").unwrap()) && !read.is(&read), "what is twice is found once");
}
