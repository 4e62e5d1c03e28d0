//! What the engine decided by itself, and what would help where it refuses, in the words of a command line.

use anyhow::anyhow;

use crate::catalog::Instead;
use crate::cli::args::USUAL_TOP;
use crate::cli::usage::Usage;
use crate::engine::{AsksForChat, Note, Refusal, Remedy};
use crate::files::causes;
use crate::sampler::Horizon;
use crate::story::NoRecord;
use crate::text::some;

/// A note, as one sentence.
pub fn words(note: &Note) -> String {
    let why = |devices: &Option<Vec<String>>| match devices {
        Some(names) => format!("`--device {}` uses no GPU", names.join(",")),
        None => "there is no GPU to use".to_owned(),
    };
    match note {
        Note::TakenAsInstruction => "taken as an instruction to the model · `--raw` takes it as a beginning".to_owned(),
        Note::TakenAsBeginning => "taken as the beginning of a story · `--chat` takes it as an instruction".to_owned(),
        Note::SystemBeforePrompt => "the chat template has no place for `--system`: it stands before the prompt".to_owned(),
        Note::NoThinking => "the model's chat template knows no thinking: it tells at once".to_owned(),
        Note::ThinkingEnded(tokens) => format!("the thinking was ended after {}", some(*tokens, "token")),
        Note::PromptEndsInSpace => ends_in_space("the prompt"),
        Note::PrefillEndsInSpace => ends_in_space("`--prefill`"),
        Note::PromptEndsInLineBreak => {
            "the prompt ends in a line break, which the model reads: the story begins on a new line".to_owned()
        }
        Note::GpuLayersIdle(layers, devices) => format!("`--gpu-layers {layers}` does nothing: {}", why(devices)),
        Note::SplitIdle(_, devices) => format!("`--split` does nothing: {}", why(devices)),
        Note::ThreadsAboveCores { threads, cores } => {
            let there = if *cores == 1 { "the one core".to_owned() } else { format!("the {cores} cores") };
            format!("`--threads {threads}` is more than {there} that there are: threads will wait for each other")
        }
        Note::StateIgnored { path, cause } => format!("the kept state `{}` is not used: {cause}", path.display()),
        Note::StateNotUsed(cause) => format!("the kept state of the prompt is not used: {cause}"),
        Note::StateNotKept(cause) => format!("the state of the prompt could not be kept: {cause}"),
        Note::TunedIgnored { path, cause } => {
            format!("what `afterword tune` kept in `{}` is not used: {cause}", path.display())
        }
        Note::NotLocked => {
            "`--mlock` was refused by the system, so the model may be written out to disk: `ulimit -l` has the limit".to_owned()
        }
    }
}

fn ends_in_space(what: &str) -> String {
    format!("{what} ends in a space, after which most models go on strangely: words bring their own space")
}

/// An error with the hint that its refusal has.
pub fn with_hint(error: &anyhow::Error) -> anyhow::Error {
    let words = causes(error);
    let refusal = error.chain().find_map(|cause| cause.downcast_ref::<Refusal>());
    if let Some(hint) = of_the_hub(error) {
        return anyhow!("{words}\nhint: {hint}");
    }
    let no_record = error.chain().any(<dyn std::error::Error>::is::<NoRecord>);
    match refusal.map(|refusal| hint(&refusal.remedy)) {
        Some(hint) => anyhow!("{words}\nhint: {hint}"),
        None if no_record => anyhow!("{words}\nhint: `afterword write --record FILE.json` makes one"),
        None => anyhow!(words),
    }
}

/// What would help where a model could not be fetched.
#[cfg(feature = "hub")]
fn of_the_hub(error: &anyhow::Error) -> Option<String> {
    let failure = error.chain().find_map(|cause| cause.downcast_ref::<crate::hub::Failure>())?;
    failure.remedy.as_ref().map(crate::cli::render::fetching::hint)
}

/// What would help where a model could not be fetched.
#[cfg(not(feature = "hub"))]
fn of_the_hub(_: &anyhow::Error) -> Option<String> {
    None
}

/// Whether a name of a model to be fetched cannot be meant.
#[cfg(feature = "hub")]
fn is_misnamed(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<crate::hub::Failure>().is_some_and(|failure| failure.is_usage))
}

/// Whether a name of a model to be fetched cannot be meant.
#[cfg(not(feature = "hub"))]
fn is_misnamed(_: &anyhow::Error) -> bool {
    false
}

/// Whether what was typed cannot be meant.
pub fn is_usage(error: &anyhow::Error) -> bool {
    error.is::<Usage>()
        || is_misnamed(error)
        || error.chain().any(|cause| cause.downcast_ref::<Refusal>().is_some_and(|refusal| refusal.is_usage))
}

fn hint(remedy: &Remedy) -> String {
    match remedy {
        Remedy::LargerContext(tokens) => format!("`--ctx` may be up to {tokens}"),
        Remedy::ShorterPrompt => "shorten it".to_owned(),
        Remedy::FewerTokens => "ask for fewer with `--tokens`".to_owned(),
        Remedy::LastBytes(bytes) => format!("its end fits, as in `tail -c {bytes} FILE | afterword write`"),
        Remedy::LastCharacters(count) => format!("its last {count} characters fit"),
        Remedy::FewerCandidates => "ask for fewer candidates with `--set future.candidates=20`".to_owned(),
        Remedy::NoChat(what) => {
            let option = match what {
                AsksForChat::Put => "--chat",
                AsksForChat::System => "--system",
                AsksForChat::Prefill => "--prefill",
                AsksForChat::Thinking => "--think",
            };
            format!("a base model goes on with what it is given: begin the story, and leave `{option}` out")
        }
        Remedy::Raw => "`--raw` leaves the template out".to_owned(),
        Remedy::ParseSpecialOrRaw => "`--parse-special` takes it as that token, `--raw` leaves the template out".to_owned(),
        Remedy::MinTokensWithinMax => "`--min-tokens` is at most `--tokens`".to_owned(),
        Remedy::LeaveOutStop => "`--stop` wants a text of at least one character".to_owned(),
        Remedy::TellAgain => "`afterword write --again FILE` tells its prompt".to_owned(),
        Remedy::PlaceUpTo(last) => format!("`--at` counts from 1 to {last}, as the page of `afterword report` does"),
        Remedy::EarlierRecord => "the record that it went on from explains it".to_owned(),
        Remedy::OtherWord => "`·` stands for the space before a word, as in `--take \"·word\"`".to_owned(),
        Remedy::AnotherFolder => "name another folder with `--out`".to_owned(),
        Remedy::StartAnew => "`--force` starts anew in a folder beside it".to_owned(),
        Remedy::Calibrate { model, entropy_top, horizon } => {
            let top = if *entropy_top == USUAL_TOP { String::new() } else { format!(" --entropy-top {entropy_top}") };
            let horizon = if *horizon == Horizon::default() { String::new() } else { format!(" --horizon {}", horizon.name()) };
            format!("`afterword calibrate --model {}{top}{horizon}` makes one", model.display())
        }
        Remedy::Fit(instead) => fitting(*instead),
    }
}

/// What would fit into memory.
pub fn fitting(instead: Instead) -> String {
    match instead {
        Instead::GpuLayers(layers) => format!("`--gpu-layers {layers}` would fit"),
        Instead::Cache(cache) => format!("`--kv-type {cache}` would fit"),
        Instead::FewerStories => "fewer stories at once would fit".to_owned(),
        Instead::Context(tokens) => format!("`--ctx {tokens}` would fit"),
        Instead::SmallerModel => "a smaller model would fit, or a smaller quantisation of this one".to_owned(),
    }
}
