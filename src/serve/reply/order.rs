//! What is told of: a request's prompts as tokens, and a plan for each draft of each.

use super::cast::Cast;
use crate::decode::{Cancel, Continuation, Plan};
use crate::engine::{DialogueSpec, Engine, Heal, Occasion, Prompt, PromptObserver, StoryRequest};
use crate::model::{Kind, Vocabulary};
use crate::prob::Token;
use crate::serve::request::{Chat, Length, Limits, Piece, Pieces, Request, SEEDS, Source};
use crate::serve::{App, Clock, Fault};
use crate::story::Mode;

/// A prompt, put to the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// Its tokens, without those that are told anew.
    pub tokens: Vec<Token>,
    /// The end of its text that they leave out.
    pub healed: String,
    /// Its text, as it was sent.
    pub text: String,
}

/// A story that is to be told.
#[derive(Debug, Clone)]
pub struct Order {
    /// Its number among the choices of an answer.
    pub index: usize,
    /// Which of the prompts it goes on from.
    pub prompt: usize,
    /// How it is to be told.
    pub plan: Plan,
    /// Whether the prompt is only read.
    pub reads_only: bool,
}

impl Put {
    /// Pieces of text and tokens in a row. Names of control tokens in a text are those tokens: front-ends write the templates of
    /// instruct models by hand.
    ///
    /// # Errors
    /// A token that there is not, nothing at all, or more than the context holds.
    pub fn pieces(app: &App, pieces: &Pieces, heal: Heal) -> Result<Self, Fault> {
        let engine = &app.engine;
        let (mut tokens, mut whole) = (Vec::new(), String::new());
        for (at, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Text(text) => {
                    check_length(engine, text)?;
                    let cut = engine.backend().tokenize(text, at == 0, true);
                    let cut = cut.map_err(|error| Fault::field("prompt", format!("{error:#}")))?;
                    tokens.extend(begun_once(cut, engine.vocabulary()));
                    whole.push_str(text);
                }
                Piece::Tokens(given) => {
                    let vocabulary = engine.vocabulary();
                    if let Some(token) = given.iter().find(|token| **token as usize >= vocabulary.len()) {
                        let last = vocabulary.len().saturating_sub(1);
                        let cause = format!("there is no token {token}: they are numbered from 0 to {last}");
                        return Err(Fault::field("prompt", cause));
                    }
                    tokens.extend(given);
                    whole.push_str(&vocabulary.text(given));
                }
            }
        }
        // Who sends tokens means those.
        let healed = match pieces.last() {
            Some(Piece::Text(text)) if !app.spaces().has_told(&whole) => engine.heal(&mut tokens, text, heal),
            _ => String::new(),
        };
        Self { tokens, healed, text: whole }.fitting(engine)
    }

    /// A conversation, and what the model thought before its answer, where it was to think.
    ///
    /// # Errors
    /// A template that fails, more than the context holds, or it was cancelled.
    pub fn chat(
        app: &App,
        chat: &Chat,
        heal: Heal,
        room: usize,
        seed: u64,
        thinking: &mut dyn PromptObserver,
        cancel: &Cancel,
    ) -> Result<(Self, String), Fault> {
        let Chat { messages, thinks, more } = chat.clone();
        let spec = DialogueSpec { messages, thinks, more, parse_special: false, heal };
        let occasion = Occasion { now: (app.edge.local)(), seed, max_tokens: room };
        let put = app.engine.converse(&spec, occasion, thinking, cancel).map_err(|error| Fault::refused(&error))?;
        let Prompt { text, mode, tokens, healed, .. } = put;
        let (text, thought) = match mode {
            Mode::Raw => (text, None),
            Mode::Chat(chat) => (chat.rendered, chat.thinking),
        };
        if !healed.is_empty() && app.spaces().has_told(&text) {
            return Self::chat(app, chat, Heal::Off, room, seed, thinking, cancel);
        }
        Ok((Self { tokens, healed, text }.fitting(&app.engine)?, thought.unwrap_or_default()))
    }

    /// The prompt, if a story has room behind it.
    ///
    /// # Errors
    /// It is empty, or as long as the context.
    pub fn fitting(self, engine: &Engine) -> Result<Self, Fault> {
        let (count, context) = (self.tokens.len(), engine.context());
        if count == 0 {
            return Err(Fault::field("prompt", "it is empty, and a story goes on from at least one token"));
        }
        if count >= context {
            let message = format!(
                "the prompt has {count} tokens and leaves no room for a story in the context of {context}; hint: send the end of it"
            );
            return Err(Fault::too_long(message, count, context));
        }
        Ok(self)
    }
}

/// The tokens of a text that begins once: front-ends write the token with which texts begin, and the model's own vocabulary puts one
/// before it.
fn begun_once(mut tokens: Vec<Token>, vocabulary: &Vocabulary) -> Vec<Token> {
    if let [first, second, ..] = *tokens
        && first == second
        && vocabulary.kind(first) == Kind::Control
    {
        tokens.remove(0);
    }
    tokens
}

/// A text that is too long whatever its tokens is not cut: that would take its time.
fn check_length(engine: &Engine, text: &str) -> Result<(), Fault> {
    let (bytes, context) = (text.len(), engine.context());
    if bytes > context && engine.backend().longest_text(context).is_some_and(|longest| bytes > longest) {
        let message = format!("the prompt has {bytes} bytes and leaves no room for a story in the context of {context} tokens");
        return Err(Fault::too_long(format!("{message}; hint: send the end of it"), context + 1, context));
    }
    Ok(())
}

/// The stories of these prompts, draft by draft under seeds that follow one another.
///
/// # Errors
/// A sampler that does not fit the model, or limits that cannot be meant.
pub fn orders(app: &App, prompts: &[Put], cast: &Cast, limits: &Limits, seed: u64) -> Result<Vec<Order>, Fault> {
    let most = most(app, limits);
    let mut orders = Vec::new();
    for (number, prompt) in prompts.iter().enumerate() {
        let first = plan(app, prompt, cast, limits, (most.max(1), seed))?;
        for draft in 0..limits.drafts as u64 {
            let plan = Plan { seed: seed.wrapping_add(draft), ..first.clone() };
            orders.push(Order { index: orders.len(), prompt: number, plan, reads_only: most == 0 });
        }
    }
    Ok(orders)
}

/// The most tokens of each.
fn most(app: &App, limits: &Limits) -> usize {
    match limits.length {
        Length::Usual => app.options.tokens,
        Length::ToTheEnd => usize::MAX,
        Length::Most(most) => most,
    }
}

/// So many tokens are told beside those of a story, at most, where they all are kept until it ends: some hundred megabytes.
const MOST_BESIDE: usize = 1 << 21;

/// How many of the likeliest tokens can be told at each place, of those that were asked for.
pub fn bounded(app: &App, request: &Request) -> Option<usize> {
    let prompts = match &request.source {
        Source::Prompts(prompts) => prompts.len(),
        Source::Chat(_) => 1,
    };
    let tokens = most(app, &request.limits).clamp(1, app.engine.context());
    let kept = if request.shown.stream { 1 } else { tokens.saturating_mul(prompts).saturating_mul(request.limits.drafts) };
    request.shown.top.map(|top| top.min(app.engine.vocabulary().len()).min(MOST_BESIDE / kept.max(1)))
}

/// How many tokens a thinking model leaves to its answer.
pub fn room(app: &App, limits: &Limits) -> usize {
    most(app, limits).min(app.options.tokens)
}

/// One story.
fn plan(app: &App, prompt: &Put, cast: &Cast, limits: &Limits, (most, seed): (usize, u64)) -> Result<Plan, Fault> {
    let request =
        StoryRequest { min_tokens: limits.min_tokens.min(most), stops: limits.stops.clone(), ..StoryRequest::new(seed, most) };
    let refused = |error: anyhow::Error| Fault::refused(&error);
    let plan = app.engine.plan_behind(&cast.sampler, &prompt.tokens, &request).map_err(refused)?;
    let (heal, reads_afresh) = (prompt.healed.clone(), cast.reads_afresh);
    let plan = Plan { heal, reads_afresh, budget: Some(app.slots.cells), ..plan };
    let told = match cast.clock {
        Clock::Text => prompt.tokens.len(),
        Clock::Request => 0,
        Clock::Behind(tokens) => prompt.tokens.len().saturating_sub(tokens),
    };
    let plan = if told > 0 { plan.going_on(Continuation { told, before_heal: told, ..Continuation::default() }) } else { plan };
    if limits.ignores_end {
        return Ok(Plan { sampler: plan.sampler.with_min_tokens(usize::MAX), stop_on_loop: false, ..plan });
    }
    Ok(plan)
}

/// A seed that was drawn, for so many drafts: the last of them still is one that JavaScript can hold.
pub fn drawn(seed: u64, drafts: usize) -> u64 {
    seed % (SEEDS - drafts as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_begins_once() {
        let vocabulary = Vocabulary::new([("<s>", Kind::Control), ("a", Kind::Text)]);
        for (tokens, begun) in
            [(&[0, 0, 1][..], &[0, 1][..]), (&[0, 1], &[0, 1]), (&[1, 1], &[1, 1]), (&[0, 0, 0], &[0, 0]), (&[], &[])]
        {
            assert_eq!(begun_once(tokens.to_vec(), &vocabulary), begun);
        }
    }

    #[test]
    fn a_drawn_seed_leaves_room_for_its_drafts() {
        assert_eq!((drawn(5, 1), drawn(SEEDS - 1, 1)), (5, 0));
        for drafts in [1, 16] {
            assert!([0, SEEDS - 17, SEEDS - 1, u64::MAX].iter().all(|&seed| drawn(seed, drafts) + drafts as u64 <= SEEDS));
        }
    }
}
