//! Every word of a preset, with what may stand behind it and what it does: the one table of the reference and the schema.

use super::reference::{Entry, Form};

const PROBABILITY: Form = Form::Number(Some(0.0), Some(1.0));
const FROM_0: Form = Form::Number(Some(0.0), None);
const ALPHA: Form = Form::Number(Some(-1.0), Some(1.0));
const ANY: Form = Form::Number(None, None);

const fn needed(name: &'static str, form: Form, what: &'static str) -> Entry {
    Entry { name, form, usual: None, example: "", what }
}

const fn key(name: &'static str, form: Form, usual: &'static str, what: &'static str) -> Entry {
    Entry { name, form, usual: Some(usual), example: "", what }
}

impl Entry {
    /// With what a person may begin with.
    const fn such_as(self, example: &'static str) -> Self {
        Self { example, ..self }
    }
}

/// The stages, in the order in which the schema names them.
pub(super) const STAGE_ENTRIES: &[Entry] = &[
    needed(
        "bias",
        Form::Weights,
        "Adds to the logits of the tokens that these texts stand for, in nats: `bias = { rain = 2, suddenly = -3 }`; 0 changes \
         nothing. A text stands for the token that it is, with and without a space before it.",
    ),
    needed("ban", Form::Texts, "Removes the tokens that these texts stand for, unless nothing else is left."),
    needed(
        "penalties",
        Form::Table(&[
            key(
                "repeat",
                Form::Above(0.0),
                "1",
                "What divides the logit, once however often the token occurs (a logit \
                below 0 is multiplied); 1 changes nothing, below 1 is a reward.",
            ),
            key("frequency", ANY, "0", "What each occurrence takes off, in nats; below 0 is a reward."),
            key("presence", ANY, "0", "What occurring at all takes off, in nats; below 0 is a reward."),
            key(
                "last",
                Form::WholeOrAll(1),
                "64",
                "How many of the latest tokens count, the prompt's among them; \"all\" is the whole text.",
            ),
        ]),
        "Punishes tokens that were said before, never an end of the text. (Keskar et al., arXiv 1909.05858.)",
    ),
    needed(
        "dry",
        Form::Table(&[
            needed("multiplier", FROM_0, "The penalty at the allowed length, in nats; 0 does nothing.").such_as("0.8"),
            key(
                "base",
                FROM_0,
                "1.75",
                "How much the penalty grows with each further token of the match; 1 does not let it grow.",
            ),
            key("allowed-length", Form::Whole(1), "2", "The shortest match that is punished, in tokens."),
            key(
                "last",
                Form::WholeOrAll(1),
                "1024",
                "How many of the latest tokens, the prompt's among them, are searched for matches; \"all\" is the whole text.",
            ),
            key(
                "breakers",
                Form::Texts,
                r#"["\n", ":", "\"", "*"]"#,
                "A match does not reach across a token whose piece holds one of these; nor across the marks of a chat template.",
            ),
            key(
                "at",
                Form::Word(&["word", "token"]),
                "\"word\"",
                "Where the penalty falls: only where a word begins (and inside of one that repeats itself, as hahaha does), or at \
                 any token, as with llama.cpp. A penalty inside a word makes a misspelt name of one that has to be said again.",
            ),
        ]),
        "Punishes tokens that would go on repeating the text, never an end of it: one that would extend a match of L tokens loses \
         multiplier · base^(L − allowed-length) from its logit. (p-e-w, text-generation-webui pull request 5677, 2024.)",
    ),
    needed(
        "top-n-sigma",
        Form::Above(0.0),
        "Keeps the tokens whose logit is within n standard deviations of the largest; a large n keeps every token, n near 0 the \
         likeliest. (arXiv 2411.07641.)",
    ),
    needed("top-k", Form::Whole(1), "Keeps the k likeliest tokens; 1 keeps only the likeliest."),
    needed(
        "typical",
        PROBABILITY,
        "Keeps the tokens that are about as surprising as is to be expected, up to this mass; 1 keeps every token, 0 the most \
         typical one. (Meister et al., arXiv 2202.00666.)",
    ),
    needed(
        "top-p",
        PROBABILITY,
        "Keeps the smallest set of likeliest tokens whose probabilities sum to at least p; 1 keeps every token, 0 the likeliest.",
    ),
    needed(
        "min-p",
        PROBABILITY,
        "Keeps the tokens with at least this share of the likeliest one's probability; 0 keeps every token, 1 the likeliest.",
    ),
    needed(
        "top-h",
        PROBABILITY,
        "Keeps likeliest tokens up to this share of the entropy; 1 keeps every token, 0 the likeliest. (arXiv 2509.02510.)",
    ),
    needed(
        "xtc",
        Form::Table(&[
            needed("probability", PROBABILITY, "How often it is done: 0 never, 1 at every token.").such_as("0.5"),
            needed("threshold", PROBABILITY, "The least p of a top choice; above 0.5 there are never two.").such_as("0.1"),
        ]),
        "Removes now and then the top choices, all but the least likely of them; never an end of the text or a line break. \
         (p-e-w, text-generation-webui pull request 6335, 2024.)",
    ),
    needed(
        "temperature",
        Form::Schedule(&FROM_0),
        "Divides the logits by T: p(v)^(1/T), renormalised. 0 keeps only the likeliest token, 1 changes nothing, above 1 all \
         become more alike.",
    ),
    needed(
        "dynamic-temperature",
        Form::Table(&[
            needed("low", FROM_0, "T where the model is sure.").such_as("0.7"),
            needed("high", FROM_0, "T where it is not at all; not below `low`.").such_as("1.3"),
            key("exponent", FROM_0, "1", "How the way between them is bent: 1 is straight, above 1 stays low for longer."),
        ]),
        "Divides the logits by T = low + (high − low) · (H / ln N)^exponent, where H is the entropy of the N tokens that are left. \
         (kalomaze, koboldcpp pull request 579, 2023.)",
    ),
    needed(
        "future",
        Form::Table(&[
            needed("candidates", Form::Whole(1), "k: how many of the likeliest survivors are candidates; 1 looks at nothing.")
                .such_as("20"),
            needed(
                "entropy-top",
                Form::Whole(2),
                "n: how many of the likeliest tokens after a candidate its entropy is measured over.",
            )
            .such_as("20"),
            needed(
                "alpha",
                Form::Schedule(&ALPHA),
                "The crossfader: −1 the model's own voice (and its cost), 0 the article's product, 1 only the future.",
            )
            .such_as("0"),
            key(
                "curve",
                Form::Word(&["article", "crossfade"]),
                "\"article\"",
                "How α becomes exponents: article a = 1 − max(0, α), b = 1 − max(0, −α), at 0 the full product; crossfade \
                 a = 1 − t, b = t with t = (α + 1)/2, at 0 the geometric mean.",
            ),
            key(
                "horizon",
                Form::Word(&["token", "word"]),
                "\"token\"",
                "How far a candidate is followed before its future is measured: not at all, or to the end of its word.",
            ),
            key(
                "end-of-text",
                Form::Word(&["neutral", "never", "article"]),
                "\"neutral\"",
                "What a candidate that ends the story counts: as open as this very moment if the story goes on, never a \
                 candidate, or what the model says after an end.",
            ),
        ]),
        "Weighs every candidate w by how open the story is after it: s = p(w)^a · Ĥ(w)^b, where Ĥ is the entropy of the next \
         token over its n likeliest, from 0 (settled) to 1 (wide open). It stands after every cut. (Will Kurt, countbayesie.com, \
         2026.)",
    ),
    needed(
        "mirostat",
        Form::Table(&[
            needed("tau", Form::Above(0.0), "τ, the surprise that is aimed at, in bits a token.").such_as("5"),
            key("eta", Form::Number(Some(0.0), Some(2.0)), "0.1", "η, how fast μ follows; 0 leaves it at 2τ."),
        ]),
        "Keeps the surprise of the text near τ: drops tokens with −log₂ p > μ, draws, and moves μ by η for each bit it missed. It \
         draws the token, so it stands last. (Basu et al., arXiv 2007.14966.)",
    ),
    needed(
        "adaptive-p",
        Form::Table(&[
            needed("target", PROBABILITY, "The probability that is aimed at: 1 draws what is sure, 0 what is least likely.")
                .such_as("0.4"),
            key("decay", Form::Number(Some(0.0), Some(0.99)), "0.9", "How long the average remembers; 0 only the last draw."),
        ]),
        "Draws tokens whose own probability is near a target. It draws the token, so it stands last. (llama.cpp pull request \
         17927, 2025.)",
    ),
];

/// Keys of every wave.
const WAVE: Form = Form::Table(&[
    needed("period", Form::Above(0.0), "Units in one turn."),
    key("amplitude", FROM_0, "1 for alpha, 0.3 for temperature", "How far it swings to either side; 0 is no wave."),
    key("centre", Form::Scheduled, "0 for alpha, 1 for temperature", "The value around which it swings."),
    key("phase", ANY, "0", "Where the story begins, as a fraction of a turn; 0.25 is the crest of a sine."),
    UNIT,
    key(
        "fade-in",
        PROBABILITY,
        "0",
        "The first share of the planned story, over which the swing grows from nothing. The planned story is all the tokens it \
         may have: `--tokens`, or what the context leaves.",
    ),
    key("fade-out", PROBABILITY, "0", "The last share of the planned story, over which the swing dies away."),
]);

const UNIT: Entry = key(
    "unit",
    Form::Word(&["token", "sentence", "paragraph"]),
    "\"token\"",
    "What is counted: tokens that were told, or sentences or paragraphs that were told to their end. A sentence ends with . ! ? \
     or … and the quotes that close behind it, unless a small letter follows; a paragraph with its line.",
);

/// The schedules.
pub(super) const KEYS_OF_SCHEDULES: &[Entry] = &[
    needed(
        "wave",
        WAVE,
        "centre + amplitude · sin(2π (t / period + phase)). With `alpha` this is rhythmic decoding, the α-wave.",
    ),
    needed("triangle", WAVE, "The same with straight lines up and down."),
    needed("square", WAVE, "The same with two values: up for the first half of a turn, down for the second."),
    needed("saw", WAVE, "The same with a straight line up, and down at once in the middle of a turn."),
    needed(
        "steps",
        Form::Table(&[
            needed(
                "values",
                Form::List(&Form::Scheduled),
                "The values in their order; after the last one the first comes again.",
            ),
            needed("every", Form::Above(0.0), "How many units each is held for."),
            UNIT,
        ]),
        "One value after the other.",
    ),
    needed(
        "keyframes",
        Form::List(&Form::Pair(&PROBABILITY, &Form::Scheduled)),
        "Straight lines between points [fraction of the planned story, value]; level before the first and behind the last.",
    ),
    needed(
        "band",
        Form::Table(&[
            needed(
                "surprisal",
                Form::Pair(&FROM_0, &FROM_0),
                "The lowest and the highest running surprisal that is left alone, in nats a token.",
            ),
            key("window", Form::Whole(1), "64", "Over how many tokens the surprisal is averaged."),
            key("gain", FROM_0, "0.5", "How far a nat outside of the band moves the value in one window; 0 never moves it."),
            key("start", Form::Scheduled, "0 for alpha, 1 for temperature", "Where the value stands at the first token."),
        ]),
        "The closed loop: while the text is less surprising than the band the value rises, while it is more surprising it falls. \
         A temperature stays between 0.1 and 2.",
    ),
];
