//! A conversation, as a chat names it.

use serde_json::{Map, Value};

use super::fields::{Fields, wrong};
use crate::chat::{Message, Speaker};
use crate::serve::Fault;
use crate::text::some;

/// What stands before the names of variables for the template.
const ARGUMENTS: &str = "chat_template_kwargs.";

/// The most messages of a conversation.
const MOST: usize = 10_000;

/// What a chat asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chat {
    /// What was said so far, at least one message. A last one of the assistant's is the beginning of its answer.
    pub messages: Vec<Message>,
    /// Whether the model is to think first; `None`: nobody says.
    pub thinks: Option<bool>,
    /// Variables for the chat template.
    pub more: Map<String, Value>,
}

impl Chat {
    /// Reads it.
    ///
    /// # Errors
    /// No messages, or one that is no text of a known role.
    pub fn of(fields: Fields) -> Result<Self, Fault> {
        let Some(field) = fields.get(&["messages"]) else {
            return Err(Fault::field("messages", "it is missing, and a list of messages was expected"));
        };
        let messages = field.value.as_array().ok_or_else(|| field.wrong("a list of messages"))?;
        if messages.is_empty() || messages.len() > MOST {
            let cause = format!("it has {}, and 1 to {MOST} were expected", some(messages.len(), "message"));
            return Err(Fault::field("messages", cause));
        }
        let messages = (0..).zip(messages).map(|(at, message)| read(at, message)).collect::<Result<_, Fault>>()?;
        let more = fields.within("chat_template_kwargs", ARGUMENTS)?.map(Fields::object).unwrap_or_default();
        Ok(Self { messages, thinks: thinks(fields)?, more })
    }
}

fn read(at: usize, message: &Value) -> Result<Message, Fault> {
    let name = |key: &str| format!("messages[{at}].{key}");
    let object = message.as_object().ok_or_else(|| wrong(&format!("messages[{at}]"), message, "an object"))?;
    let role = object.get("role").unwrap_or(&Value::Null);
    let speaker = match role.as_str() {
        Some("system" | "developer") => Speaker::System,
        Some("user") => Speaker::User,
        Some("assistant") => Speaker::Assistant,
        _ => return Err(wrong(&name("role"), role, "`system`, `user` or `assistant`")),
    };
    let text = match object.get("content").unwrap_or(&Value::Null) {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(|part| text_of(&name("content"), part)).collect::<Result<_, Fault>>()?,
        other => return Err(wrong(&name("content"), other, "a text or a list of texts")),
    };
    Ok(Message { speaker, text })
}

/// The text of a part of a message.
fn text_of<'v>(name: &str, part: &'v Value) -> Result<&'v str, Fault> {
    let kind = part.get("type").and_then(Value::as_str);
    match (part, kind, part.get("text").and_then(Value::as_str)) {
        (Value::String(text), ..) => Ok(text),
        (_, Some("text" | "input_text") | None, Some(text)) => Ok(text),
        (_, Some(kind), None) if kind != "text" => {
            Err(Fault::field(name, format!("it holds a part of the type `{kind}`, and this server reads only text")))
        }
        _ => Err(wrong(name, part, "a part `{\"type\": \"text\", \"text\": …}`")),
    }
}

/// Whether the model is to think first, by whichever name that is asked.
fn thinks(fields: Fields) -> Result<Option<bool>, Fault> {
    if let Some(think) = fields.flag(&["think"])? {
        return Ok(Some(think));
    }
    if let Some(arguments) = fields.within("chat_template_kwargs", ARGUMENTS)?
        && let Some(think) = arguments.flag(&["enable_thinking", "thinking"])?
    {
        return Ok(Some(think));
    }
    let efforts = ["none", "minimal", "low", "medium", "high", "xhigh"];
    let Some(field) = fields.get(&["reasoning_effort"]).filter(|field| field.value.as_str() != Some("")) else {
        return Ok(None);
    };
    let effort = field.value.as_str().filter(|effort| efforts.contains(effort));
    let effort = effort.ok_or_else(|| field.wrong("`none`, `minimal`, `low`, `medium` or `high`"))?;
    Ok(Some(effort != "none"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> Result<Chat, String> {
        Chat::of(Fields::of(body.as_object().unwrap())).map_err(|fault| fault.message)
    }

    #[test]
    fn a_message_is_a_text_or_a_list_of_text_parts() {
        let parts = json!([{"type": "text", "text": "Once "}, {"type": "text", "text": "more"}]);
        let body = json!({"messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": parts, "name": "Ann"},
            {"role": "assistant", "content": null},
        ]});
        let said = |speaker, text: &str| Message { speaker, text: text.to_owned() };
        let messages = read(&body).unwrap().messages;
        assert_eq!(
            messages,
            [said(Speaker::System, "Be brief."), said(Speaker::User, "Once more"), said(Speaker::Assistant, "")]
        );
    }

    #[test]
    fn what_is_no_conversation_is_told_by_its_place() {
        let fails = |messages: Value, words: &str| {
            let message = read(&json!({ "messages": messages })).unwrap_err();
            assert!(message.contains(words), "{message}");
        };
        fails(json!([]), "`messages`: it has 0 messages");
        fails(Value::Null, "`messages`: it is missing");
        fails(json!("hi"), "a list of messages");
        fails(json!([5]), "`messages[0]`: it is 5");
        fails(
            json!([{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}]),
            "`messages[1].role`: it is \"tool\"",
        );
        fails(json!([{"content": "a"}]), "`messages[0].role`: it is null");
        let image = json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]);
        fails(image, "a part of the type `image_url`, and this server reads only text");
        fails(json!([{"role": "user", "content": 5}]), "`messages[0].content`: it is 5");
        fails(json!([{"role": "user", "content": [{"type": "text"}]}]), "a part `{");
    }

    #[test]
    fn thinking_is_asked_for_by_several_names() {
        let thinks = |more: Value| {
            let mut body = json!({"messages": [{"role": "user", "content": "a"}]});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            read(&body).map(|chat| chat.thinks)
        };
        assert_eq!(thinks(json!({})), Ok(None));
        assert_eq!(thinks(json!({"think": false})), Ok(Some(false)));
        assert_eq!(thinks(json!({"reasoning_effort": "high"})), Ok(Some(true)));
        assert_eq!(thinks(json!({"reasoning_effort": "none"})), Ok(Some(false)));
        assert_eq!(thinks(json!({"reasoning_effort": ""})), Ok(None));
        assert_eq!(thinks(json!({"chat_template_kwargs": {"enable_thinking": true, "more": 1}})), Ok(Some(true)));
        assert!(thinks(json!({"reasoning_effort": "a lot"})).unwrap_err().contains("`reasoning_effort`"));
        assert!(thinks(json!({"chat_template_kwargs": 3})).unwrap_err().contains("an object"));
    }
}
