//! Who tells: the sampler that a request comes to, and what of it is not honoured.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::catalogue::Voice;
use crate::bans::List;
use crate::engine::Heal;
use crate::model::{Kind, Vocabulary};
use crate::preset::{self, Edit, OfRequest, Preset};
use crate::prob::{Bias, Token};
use crate::sampler::{LogitBias, Reach, Sampler, Stage};
use crate::serve::request::{Change, Fields, Request, Trace, Word, wrong};
use crate::serve::{App, Clock, Fault, Sampling};

/// A sampler with its name, and what it leaves out.
#[derive(Debug, Clone)]
pub struct Cast {
    /// What its preset is called.
    pub preset: String,
    /// The preset as it runs, with all changes made.
    pub resolved: Preset,
    /// What decides.
    pub sampler: Sampler,
    /// Whose values count.
    pub sampling: Sampling,
    /// What t is.
    pub clock: Clock,
    /// What at the end of a prompt is told anew.
    pub heal: Heal,
    /// Whether a prompt is read, whatever is kept of it in memory.
    pub reads_afresh: bool,
    /// Names of fields that would do something elsewhere and did nothing.
    pub ignored: Vec<String>,
}

/// A name that reads as the preset of those who bring their own values.
const CLIENT: &str = "client";

impl Cast {
    /// That of a request.
    ///
    /// # Errors
    /// 404 for an unknown preset; 400 for values that cannot be, a token that there is not, or a change of a preset that fails.
    pub fn of(app: &App, request: &Request) -> Result<Self, Fault> {
        check_numbers(Fields::of(&request.body))?;
        let ours = &request.ours;
        let asked = ours.model.as_deref().map(|model| app.asked(model)).transpose()?.unwrap_or_default();
        let named = ours.preset.as_deref().map(|name| app.catalogue.called(name)).transpose()?.unwrap_or_default();
        let voice = named.voice.or(asked.voice).or_else(|| app.catalogue.voices().first().cloned());
        let voice = voice.ok_or_else(|| Fault::server("the server was started without a preset"))?;
        let sampling = ours.sampling.or(named.sampling).or(asked.sampling).unwrap_or(app.options.sampling);
        let (name, OfRequest { preset, left_out }) = decided(&voice, sampling, request)?;
        let Words { logit_bias, phrases, unknown } = Words::of(&request.changes, app.engine.vocabulary())?;
        let mut ignored: BTreeSet<String> = left_out.into_iter().chain(unknown).collect();
        ignored.extend(request.idle.iter().chain(&ours.unknown).cloned());
        let preset = banning(preset, phrases)?;
        let sampler = preset.sampler().with_logit_bias(logit_bias);
        Ok(Self {
            preset: name,
            resolved: preset,
            sampler: seen(&sampler, request),
            sampling,
            clock: ours.clock.unwrap_or(app.options.clock),
            // Whoever wants the prompt back wants all of it.
            heal: if request.shown.echo { Heal::Off } else { ours.heal.unwrap_or_default() },
            reads_afresh: request.reads_afresh,
            ignored: ignored.into_iter().collect(),
        })
    }
}

/// The preset that decides under its name, and what it leaves out.
fn decided(voice: &Voice, sampling: Sampling, request: &Request) -> Result<(String, OfRequest), Fault> {
    let mut own = Preset::clone(&voice.preset);
    for edit in &request.ours.edits {
        let edited = Edit::parse(edit).and_then(|edit| own.set(&edit));
        edited.map_err(|error| Fault::field("afterword.set", format!("{error:#}").replace('\n', "; ")))?;
    }
    let refused = |error: anyhow::Error| Fault::refused(&error);
    Ok(match sampling {
        Sampling::Preset => {
            let would = Fields::of(&request.body).each().filter(|(name, value)| preset::would_do(name, value));
            let left_out = would.map(|(name, _)| name.to_owned()).collect();
            (voice.name.clone(), OfRequest { preset: own, left_out })
        }
        Sampling::Client => {
            let OfRequest { preset, left_out } = preset::of_request(&request.body).map_err(refused)?;
            // Whoever rules, what is not to be said is not.
            (CLIENT.to_owned(), OfRequest { preset: Preset { bans: own.bans, ..preset }, left_out })
        }
        Sampling::Both => (voice.name.clone(), preset::laid_over(&request.body, &own).map_err(refused)?),
    })
}

/// The sampler, which knows as much as is to be told.
fn seen(sampler: &Sampler, request: &Request) -> Sampler {
    let top = request.shown.top;
    let sampler = match top {
        Some(top) if request.shown.after_sampling => sampler.with_shares(top.max(1)),
        Some(top) => sampler.with_likeliest(top),
        None => sampler.clone(),
    };
    match request.ours.trace {
        Trace::Off => sampler,
        Trace::Chosen | Trace::Candidates => sampler.with_detail(),
        Trace::All => sampler.with_detail().with_reach(Reach::Exhaustive),
    }
}

/// Asks that every number of a sampler is one, also where it does not count.
fn check_numbers(fields: Fields) -> Result<(), Fault> {
    let is_number = |name: &str| {
        let mut keys = Stage::KINDS.iter().flat_map(|kind| kind.elsewhere.keys);
        keys.any(|(_, names)| names.contains(&name))
    };
    let reads = |value: &Value| value.is_boolean() || crate::serve::request::number(value).is_some();
    match fields.each().find(|(name, value)| is_number(name) && !reads(value)) {
        Some((name, value)) => Err(wrong(name, value, "a number")),
        None => Ok(()),
    }
}

/// A preset that bans these phrases too, each with the field that named it.
fn banning(mut preset: Preset, phrases: Vec<(String, String)>) -> Result<Preset, Fault> {
    let Some((field, _)) = phrases.first().cloned() else { return Ok(preset) };
    let phrases = phrases.into_iter().map(|(_, phrase)| phrase).collect();
    preset.ban(List { phrases, ..List::default() }).map_err(|wrong| Fault::field(&field, wrong))?;
    Ok(preset)
}

/// What a request changes of words.
#[derive(Default)]
struct Words {
    /// Changes by the numbers of tokens.
    logit_bias: LogitBias,
    /// What is not to be said and is no single token, with the field that named it.
    phrases: Vec<(String, String)>,
    /// The fields of what no token stands for.
    unknown: BTreeSet<String>,
}

impl Words {
    fn of(changes: &[Change], vocabulary: &Vocabulary) -> Result<Self, Fault> {
        let Self { mut logit_bias, mut phrases, mut unknown } = Self::default();
        for Change { field, word, bias } in changes {
            let tokens = match word {
                Word::Token(token) if (*token as usize) < vocabulary.len() => vec![*token],
                Word::Token(token) => {
                    let last = vocabulary.len().saturating_sub(1);
                    return Err(Fault::field(field, format!("there is no token {token}: they are numbered from 0 to {last}")));
                }
                Word::Text(text) => spelling(text, vocabulary),
            };
            match word {
                Word::Text(text) if tokens.is_empty() && bias.is_none() => phrases.push((field.clone(), text.clone())),
                _ if tokens.is_empty() => drop(unknown.insert(field.clone())),
                _ => {}
            }
            for token in tokens {
                match bias {
                    Some(bias) => {
                        let bias = Bias::new(*bias).map_err(|error| Fault::field(field, format!("{error:#}")))?;
                        logit_bias.added.insert(token, bias);
                    }
                    None => drop(logit_bias.banned.insert(token)),
                }
            }
        }
        Ok(Self { logit_bias, phrases, unknown })
    }
}

/// The tokens that are this text, or a space and this text; as a preset's `ban` and `bias` have it.
fn spelling(text: &str, vocabulary: &Vocabulary) -> Vec<Token> {
    let with_space = format!(" {text}");
    let also = !text.starts_with(char::is_whitespace);
    let is = |piece: &[u8]| piece == text.as_bytes() || also && piece == with_space.as_bytes();
    let tokens = (0..).take(vocabulary.len()).filter(|&token| vocabulary.kind(token) == Kind::Text);
    tokens.filter(|&token| is(vocabulary.piece(token))).collect()
}

/// The stages of a sampler, by name.
pub fn stages(sampler: &Sampler) -> Vec<&'static str> {
    sampler.chain().stages().iter().map(Stage::name).collect()
}
