//! Pages that hold text of others.

use anyhow::{Context, Result};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Value};

/// The HTML page of this template in Jinja with these values, each escaped where it is no safe string. A block alone on its line leaves no
/// line behind.
///
/// # Errors
/// The template is none, or asks for what no value has.
pub fn html_page(template: &str, values: Value) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.context("cannot set the syntax of the page")?);
    let template = environment.template_from_str(template).context("cannot read the template of the page")?;
    template.render(values).context("cannot write the page")
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    #[test]
    fn what_others_wrote_is_escaped_and_blocks_leave_no_lines() {
        let template = "<p>{{ text }}</p>\n{% for x in [1, 2] %}\n{{ x }}\n{% endfor %}\n{{ own }}";
        let page = html_page(template, context! { text => "<b>", own => Value::from_safe_string("<i>".to_owned()) });
        assert_eq!(page.unwrap(), "<p>&lt;b&gt;</p>\n1\n2\n<i>");
        assert!(html_page("{% if %}", context! {}).is_err());
    }
}
