//! A page of HTML from Markdown.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd, html};
use syntect::highlighting::{Theme, ThemeSet};
use syntect::html::highlighted_html_for_string;
use syntect::parsing::SyntaxSet;

/// What makes pages.
pub(crate) struct Maker {
    grammars: SyntaxSet,
    theme: Theme,
}

impl Maker {
    pub(crate) fn new() -> Self {
        let mut themes = ThemeSet::load_defaults().themes;
        let theme = themes.remove("InspiredGitHub").expect("syntect brings it along");
        Self { grammars: SyntaxSet::load_defaults_newlines(), theme }
    }

    pub(crate) fn html(&self, markdown: &str) -> Result<String, syntect::Error> {
        let mut events = Vec::new();
        // The language and the text of the code block that is being read.
        let mut code: Option<(String, String)> = None;
        for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
            match (event, &mut code) {
                (Event::Start(Tag::CodeBlock(kind)), _) => code = Some((language(&kind).to_owned(), String::new())),
                (Event::Text(text), Some((_, block))) => block.push_str(&text),
                (Event::End(TagEnd::CodeBlock), block) => {
                    let (language, text) = block.take().unwrap_or_default();
                    events.push(Event::Html(self.highlighted(&language, &text)?.into()));
                }
                (event, _) => events.push(event),
            }
        }
        let mut page = String::new();
        html::push_html(&mut page, events.into_iter());
        Ok(page)
    }

    fn highlighted(&self, language: &str, text: &str) -> Result<String, syntect::Error> {
        let grammar = self.grammars.find_syntax_by_token(language);
        let grammar = grammar.unwrap_or_else(|| self.grammars.find_syntax_plain_text());
        highlighted_html_for_string(text, &self.grammars, grammar, &self.theme)
    }
}

/// The first word behind the fence, up to a comma: `rust,no_run` is Rust.
fn language<'a>(kind: &'a CodeBlockKind<'_>) -> &'a str {
    match kind {
        CodeBlockKind::Fenced(words) => words.split([',', ' ']).next().unwrap_or_default(),
        CodeBlockKind::Indented => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_highlighted_and_text_is_not() {
        let page = Maker::new().html("# Title\n\nSome `code`.\n\n```rust,no_run\nfn main() {}\n```\n").expect("a page");
        assert!(page.contains("<h1>Title</h1>") && page.contains("<code>code</code>"), "{page}");
        assert!(page.contains("<span") && page.contains(">fn </span>"), "{page}");
    }
}
