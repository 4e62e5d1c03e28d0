//! Where the address is typed in each front-end.

/// How one front-end comes to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipe {
    /// What it is called.
    pub client: &'static str,
    /// Where in it something is to be chosen or typed.
    pub place: &'static str,
    /// What is typed there.
    pub typed: String,
    /// What else is to be known.
    pub more: &'static str,
}

/// Those of a server at this address, as `http://127.0.0.1:8080`, whose model is called so with its first preset: `tale@wave`.
#[must_use]
pub fn recipes(address: &str, model: &str) -> Vec<Recipe> {
    let recipe = |client, place, typed: String, more| Recipe { client, place, typed, more };
    vec![
        recipe("SillyTavern", "Text Completion, llama.cpp", address.to_owned(), ""),
        recipe("", "Chat Completion, Custom", format!("{address}/v1"), "then a preset as model"),
        recipe("mikupad", "llama.cpp", address.to_owned(), ""),
        recipe("Open WebUI", "Connections, OpenAI API", format!("{address}/v1"), "any key"),
        recipe("LibreChat", "custom endpoint, baseURL", format!("{address}/v1"), "any key, fetch: true"),
        recipe("Tapestry Loom", "endpoint of type completions", format!("{address}/v1/completions"), "logprobs 20"),
        recipe("loomsidian", "OpenAI-compatible, URL", address.to_owned(), "n 5"),
        recipe("logitloom", "Base URL", format!("{address}/v1"), "any key"),
        recipe("llm", "extra-openai-models.yaml, api_base", format!("{address}/v1"), "completion: true"),
        recipe("Python", "openai", format!("OpenAI(base_url=\"{address}/v1\", api_key=\"none\")"), ""),
        recipe("curl", "", curl(address, model), ""),
    ]
}

fn curl(address: &str, model: &str) -> String {
    let body = serde_json::json!({ "model": model, "prompt": "Once upon a time", "max_tokens": 60 });
    // Within single quotes of a shell a quote ends them.
    let body = body.to_string().replace('\'', "'\\''");
    format!("curl {address}/v1/completions -H 'Content-Type: application/json' -d '{body}'")
}
