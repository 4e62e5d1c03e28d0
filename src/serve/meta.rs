//! What is told of the server and its model: health, models, properties, slots.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde_json::{Map, Value, json};

use super::app::{App, Door};
use super::desk::Shown;
use super::fault::Fault;

type Told = Result<Json<Value>, Fault>;

/// Whether there are stories yet.
pub async fn health(State(door): State<Arc<Door>>) -> Told {
    door.app()?;
    Ok(Json(json!({ "status": "ok" })))
}

/// The model, and the model with each preset.
pub async fn models(State(door): State<Arc<Door>>) -> Told {
    let app = door.app()?;
    let data: Vec<Value> = app.catalogue.ids().iter().map(|id| model(&app, id)).collect();
    Ok(Json(json!({ "object": "list", "data": data })))
}

/// One of them.
pub async fn model_named(State(door): State<Arc<Door>>, id: Result<Path<String>, PathRejection>) -> Told {
    let app = door.app()?;
    let Path(id) = id.map_err(|_| Fault::invalid("the name of the model is no text: it is not UTF-8"))?;
    if app.catalogue.ids().contains(&id) {
        return Ok(Json(model(&app, &id)));
    }
    let id = crate::text::excerpt(&id, crate::text::EXCERPT);
    Err(Fault::not_found(format!("there is no model `{id}`; hint: `/v1/models` lists those that there are")))
}

/// The loaded model, as TabbyAPI tells of it.
pub async fn loaded(State(door): State<Arc<Door>>) -> Told {
    let app = door.app()?;
    let mut model = model(&app, app.catalogue.model());
    model["parameters"] = json!({ "max_seq_len": app.engine.context() });
    Ok(Json(model))
}

/// The loaded model, as text-generation-webui tells of it.
pub async fn loaded_name(State(door): State<Arc<Door>>) -> Told {
    let app = door.app()?;
    Ok(Json(json!({ "model_name": app.catalogue.model(), "lora_names": [], "loader": "afterword" })))
}

/// An entry of the list of models. The owner is a word to clients: log-probabilities and a begun answer work.
fn model(app: &App, id: &str) -> Value {
    let (engine, mut meta) = (&app.engine, Map::new());
    let info = engine.info();
    for (name, number) in [
        ("n_vocab", Some(engine.vocabulary().len() as u64)),
        ("n_ctx", Some(engine.context() as u64)),
        ("n_ctx_train", Some(info.trained_context as u64)),
        ("n_embd", engine.card().map(|card| card.embedding)),
        ("n_params", engine.card().map(|card| card.parameters)),
        ("size", Some(info.size)),
    ] {
        meta.extend(number.map(|number| (name.to_owned(), number.into())));
    }
    json!({ "id": id, "object": "model", "created": app.opened.as_secs(), "owned_by": "llamacpp", "meta": meta })
}

/// What clients ask before they begin: the length of the context, and the chat template, which is a text whether there is one or not.
pub async fn props(State(door): State<Arc<Door>>) -> Told {
    let app = door.app()?;
    let (engine, options) = (&app.engine, &app.options);
    let template = engine.backend().chat_template(engine.renderer());
    let presets: Vec<&str> = app.catalogue.voices().iter().map(|voice| voice.name.as_str()).collect();
    let version = format!("afterword {} / {}", env!("CARGO_PKG_VERSION"), engine.backend().version());
    Ok(Json(json!({
        "default_generation_settings": {
            "n_ctx": engine.context(),
            "params": { "n_predict": options.tokens, "seed": -1, "stream": false },
        },
        "total_slots": app.desk().places(),
        "model_alias": app.catalogue.model(),
        "model_path": info_name(&app),
        "chat_template": template.as_ref().map_or("", |template| template.source()),
        "chat_template_caps": {},
        "modalities": { "vision": false, "audio": false },
        "build_info": version,
        "is_sleeping": false,
        "afterword": {
            "version": env!("CARGO_PKG_VERSION"),
            "preset": presets.first(),
            "presets": presets,
            "sampling": options.sampling.name(),
            "strict": options.strict,
        },
    })))
}

/// The name of the model's file: where it lies is nobody's business.
fn info_name(app: &App) -> String {
    app.engine.info().path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Who is told, and who waits: those have no place, and their position in the queue.
pub async fn slots(State(door): State<Arc<Door>>) -> Told {
    let app = door.app()?;
    let (shown, context) = (app.desk().shown(), app.engine.context());
    let at = |place: usize| shown.iter().find(|shown| shown.place == Some(place));
    let story = |shown: &Shown| json!({ "prompt_tokens": shown.prompt, "tokens": shown.told });
    let place = |place: usize| match at(place) {
        Some(shown) => {
            let afterword = story(shown);
            json!({ "id": place, "id_task": shown.number, "n_ctx": context, "is_processing": true, "afterword": afterword })
        }
        None => json!({ "id": place, "id_task": -1, "n_ctx": context, "is_processing": false }),
    };
    let waits = |(at, shown): (usize, &Shown)| {
        let mut afterword = story(shown);
        afterword["position"] = (at + 1).into();
        json!({ "id": -1, "id_task": shown.number, "n_ctx": context, "is_processing": false, "afterword": afterword })
    };
    let waiting = shown.iter().filter(|shown| shown.place.is_none()).enumerate().map(waits);
    Ok(Json((0..app.desk().places()).map(place).chain(waiting).collect()))
}
