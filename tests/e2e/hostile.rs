//! Strings that break whatever is escaped wrongly, or twice, or not at all; and requests made of them.

mod document;
mod meant;
mod request;
mod routes;
mod run;

/// Each with what it is.
pub const TEXTS: [(&str, &str); 26] = [
    ("an apostrophe", "it's"),
    ("quotes", "\"\"\""),
    ("a backslash", "\\"),
    ("two backslashes", "\\\\"),
    ("a backslash before an apostrophe", "\\'"),
    ("two backslashes before an apostrophe", "\\\\'"),
    ("an apostrophe before a backslash", "'\\"),
    ("a backslash before a quote", "\\\""),
    ("an escape as text", "\\u0027 \\n \\x27"),
    ("ends of lines", "a\nb\r\nc\u{85}d"),
    ("control characters", "\u{0}\u{1}\u{8}\t\u{b}\u{c}\u{1f}\u{80}\u{9f}"),
    ("U+007F", "a\u{7f}b"),
    ("line separators", "\u{2028}\u{2029}"),
    ("an emoji", "😀 👩‍👩‍👧 é e\u{301} \u{feff}"),
    ("a reference", "$input"),
    ("calls", "$input.body ${input} $!input $util.escapeJavaScript('x') $context.requestId"),
    ("a directive", "#set($input = 1) #if(true) #end #foreach($x in [1]) #stop #evaluate('x')"),
    ("comments", "## x #* y *# #[[ z ]]#"),
    ("at signs", "@@ @ref"),
    ("a second member", "\",\"stateMachineArn\":\"x"),
    ("a second member, once escaped", "\\\",\\\"stateMachineArn\\\":\\\"x"),
    ("the end of the call", "\"}"),
    ("markup", "</script><!-- & -->/"),
    ("percent", "%27%22%00 +"),
    ("nothing", ""),
    ("blanks", " \t "),
];
