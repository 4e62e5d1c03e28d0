//! What a file of ours looks like: only such a file is ever replaced.

/// The program's name, which pages and pictures carry to say who made them.
pub const MARK: &str = "afterword";

/// A kind of file that this program writes, known by how it begins.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// With its article, as it stands in a sentence: `a record`.
    pub name: &'static str,
    /// Whether a file that begins with these bytes is such a file. It is asked about [`Form::BEGINNING`] bytes at most, and
    /// never about none.
    pub is: fn(&[u8]) -> bool,
}

impl Form {
    /// So many bytes of a file tell its form.
    pub const BEGINNING: u64 = 4096;

    /// The record of a story.
    pub const RECORD: Self = Self { name: "a record", is: is_record };
    /// A page of stories.
    pub const PAGE: Self = Self {
        name: "a page",
        is: |bytes| marked(bytes, b"<!doctype html>", b"<meta name=\"generator\" content=\"afterword\">"),
    };
    /// A figure as a drawing.
    pub const SVG: Self = Self { name: "a figure", is: |bytes| marked(bytes, b"<svg ", b"<!-- afterword -->") };
    /// A figure as a picture.
    pub const PNG: Self = Self { name: "a picture", is: |bytes| marked(bytes, b"\x89PNG\r\n\x1a\n", b"Software\0afterword") };
    /// A page of the manual.
    pub const MANUAL: Self = Self { name: "a page of the manual", is: |bytes| marked(bytes, b".ie ", b"\n.TH afterword") };
    /// A tree of texts.
    pub const TREE: Self = Self { name: "a tree", is: |bytes| bytes.starts_with(b"{\"afterword-tree\":") };
    /// A table of what is usual after each token of a model.
    pub const BASELINE: Self =
        Self { name: "a table of usual openness", is: |bytes| marked(bytes, b"{\"format\":", b"\"baseline\":{\"model\":") };
    /// The text of a story. It looks like any other text, and so never takes the place of one.
    pub const TEXT: Self = Self { name: "a story", is: |_| false };
}

/// A record begins with the version of its form, and then the prompt, however it was spaced.
fn is_record(bytes: &[u8]) -> bool {
    let mut rest = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).peekable();
    let mut follows = |text: &[u8]| text.iter().all(|byte| rest.next_if_eq(byte).is_some());
    if !follows(b"{\"format\":") {
        return false;
    }
    let mut digits = 0;
    while rest.next_if(u8::is_ascii_digit).is_some() {
        digits += 1;
    }
    digits > 0 && b",\"prompt\":".iter().all(|byte| rest.next_if_eq(byte).is_some())
}

/// Whether something begins as its kind does and holds our mark.
fn marked(bytes: &[u8], beginning: &[u8], mark: &[u8]) -> bool {
    bytes.starts_with(beginning) && bytes.windows(mark.len()).any(|window| window == mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_ours_only_if_it_says_so() {
        let is = |form: Form, text: &str| (form.is)(text.as_bytes());
        for text in
            ["{\"format\":1,\"prompt\":\"Once\"", "{\n  \"format\": 12,\n  \"prompt\": \"", "{ \"format\" : 1 , \"prompt\" :"]
        {
            assert!(is(Form::RECORD, text), "{text}");
        }
        for text in [
            "",
            "{",
            "{\"format\":1}",
            "{\"format\":,\"prompt\":",
            "{\"name\":\"x\",\"format\":1,\"prompt\":",
            "GGUF\u{3}",
            "[]",
        ] {
            assert!(!is(Form::RECORD, text), "{text}");
        }
        let page = "<!doctype html>\n<meta name=\"generator\" content=\"afterword\">";
        assert!(is(Form::PAGE, page) && !is(Form::SVG, page) && !is(Form::RECORD, page));
        assert!(!is(Form::PAGE, "<!doctype html>\n<title>mine</title>") && !is(Form::PAGE, &page[1..]));
        assert!(is(Form::SVG, "<svg xmlns=\"…\">\n<!-- afterword -->") && !is(Form::SVG, "<svg xmlns=\"…\">"));
        assert!((Form::PNG.is)(b"\x89PNG\r\n\x1a\n....tEXtSoftware\0afterword") && !(Form::PNG.is)(b"\x89PNG\r\n\x1a\n...."));
        assert!(is(Form::MANUAL, ".ie \\n(.g .ds Aq\n.TH afterword-write 1") && !is(Form::MANUAL, ".ie x\n.TH ls 1"));
        let table = "{\"format\":1,\"checksum\":\"\",\"baseline\":{\"model\":\"";
        assert!(is(Form::BASELINE, table) && !is(Form::RECORD, table) && !is(Form::BASELINE, "{\"format\":1,\"prompt\":\"\"}"));
        assert!(!is(Form::TEXT, "Once upon a time"));
    }
}
