//! Whether a prompt asks for a story or begins one.
//!
//! A guess, for a short text that a person typed: it opens with an imperative of asking, and nothing in it reads like prose.
//! Whoever knows better says so; and a chapter, which is lost where it is taken for an order, must never be one by its first
//! word alone.

/// How an instruction opens. In each language the forms for one person and for several, where they differ.
const OPENINGS: &[&str] = &[
    // English
    "write",
    "tell",
    "continue",
    "compose",
    "create",
    "describe",
    "draft",
    "invent",
    "narrate",
    "retell",
    "rewrite",
    "finish",
    "explain",
    "summarise",
    "summarize",
    "translate",
    "generate",
    "please",
    "imagine that you",
    "pretend",
    "can you",
    "could you",
    "would you",
    "i want you to",
    "i'd like you to",
    "help me",
    "give me",
    "make up",
    // German
    "schreib",
    "schreibe",
    "schreiben sie",
    "erzähl",
    "erzähle",
    "erzählen sie",
    "erfinde",
    "verfasse",
    "beschreibe",
    "bitte",
    "kannst du",
    "könntest du",
    "setze fort",
    "setz fort",
    "dichte",
    // French
    "écris",
    "écrivez",
    "ecris",
    "raconte",
    "racontez",
    "décris",
    "décrivez",
    "rédige",
    "rédigez",
    "imagine une",
    "invente",
    // Spanish
    "escribe",
    "escriba",
    "escríbeme",
    "cuéntame",
    "cuenta una",
    "describe una",
    "inventa",
    "por favor",
    "continúa",
    // Portuguese
    "escreva",
    "escreve",
    "conte uma",
    "conta uma",
    "descreva",
    "crie",
    // Italian
    "scrivi",
    "scrivete",
    "scrivimi",
    "racconta",
    "raccontami",
    "descrivi",
    "continua",
    // Dutch, Swedish, Danish
    "schrijf",
    "vertel",
    "beschrijf",
    "skriv",
    "berätta",
    "fortæl",
    // Polish, Czech, Russian, Ukrainian
    "napisz",
    "opowiedz",
    "opisz",
    "napiš",
    "vyprávěj",
    "напиши",
    "напишите",
    "расскажи",
    "расскажите",
    "опиши",
    "напишіть",
    "розкажи",
    "придумай",
];

/// How an instruction opens where no space follows a word.
const OPENINGS_UNSPACED: &[&str] = &["请", "請", "写一", "寫一", "讲一", "講一", "给我", "給我", "续写", "創作一"];

/// How an instruction ends in Japanese and Korean, where the verb stands last.
const ENDINGS: &[&str] = &["ください", "下さい", "書いて", "語って", "お願いします", "써 줘", "써줘", "주세요", "해줘"];

/// What says that somebody speaks: the text tells, and does not ask.
const SPEECH: &[&str] = &[
    "said",
    "says",
    "asked",
    "cried",
    "whispered",
    "replied",
    "shouted",
    "answered",
    "muttered",
    "murmured",
    "snapped",
    "sagte",
    "fragte",
    "rief",
    "flüsterte",
    "antwortete",
    "dit",
    "dit-il",
    "demanda",
    "répondit",
    "dijo",
    "disse",
    "сказал",
];

/// The most sentences of an instruction.
const SENTENCES: usize = 5;

/// Whether a short typed text asks for something: it opens (or, in some languages, ends) as a request does, is one paragraph of
/// at most five sentences, closes no quotation that it has not opened, and nobody in it speaks behind a comma.
#[must_use]
pub fn is_instruction(prompt: &str) -> bool {
    let text = prompt.trim().to_lowercase().replace('’', "'");
    let opens = |words: &&str| {
        text.strip_prefix(*words).is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || "'-".contains(c)))
    };
    let asks = OPENINGS.iter().any(opens)
        || OPENINGS_UNSPACED.iter().any(|words| text.starts_with(words))
        || ENDINGS.iter().any(|words| text.trim_end_matches(['。', '.', '!', '！']).ends_with(words));
    asks && !text.contains("\n\n") && sentences(&text) <= SENTENCES && !closes_a_quotation(&text) && !somebody_speaks(&text)
}

/// How often a sentence ends: at `.`, `!` or `?` before white space or the end, and at the full stops of other scripts.
fn sentences(text: &str) -> usize {
    let mut characters = text.chars().peekable();
    let mut count = 0;
    while let Some(c) = characters.next() {
        let next_is_space = characters.peek().is_none_or(|next| next.is_whitespace());
        count += usize::from(matches!(c, '。' | '！' | '？') || (matches!(c, '.' | '!' | '?') && next_is_space));
    }
    count
}

/// Whether a quotation ends in the text that began before it: `Please don't go," she said`.
fn closes_a_quotation(text: &str) -> bool {
    let mut straight = text.char_indices().filter(|(_, c)| *c == '"').map(|(at, _)| at);
    let first_closes =
        straight.next().is_some_and(|at| text[..at].ends_with(|c: char| !c.is_whitespace() && !"([{—-".contains(c)));
    let close = text.find('”');
    first_closes || close.is_some_and(|close| text.find(['“', '„']).is_none_or(|open| close < open))
}

/// Whether behind a comma or the end of a quotation, within four words, a verb of speech stands: `, said the widow`.
fn somebody_speaks(text: &str) -> bool {
    let behind = text.split([',', '!', '?', '"', '”', '»']).skip(1);
    behind.into_iter().any(|rest| {
        let words = rest.split_whitespace().take(4).map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '-'));
        words.into_iter().any(|word| SPEECH.contains(&word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instruction_opens_as_one_and_reads_like_no_prose() {
        for asked in [
            "Write a story.",
            " tell me of wolves",
            "Please, go on",
            "Could you describe a door?",
            "CONTINUE",
            "Write a story about a fox, a hen and a wolf. It is sad. Use short sentences.",
            "Write a dialogue that begins with \"Who goes there?\"",
            "Schreibe eine kurze Geschichte über das Meer.",
            "Erzähl mir von Wölfen",
            "Écris une histoire de loups.",
            "Escribe un cuento sobre el mar.",
            "Напиши сказку о море.",
            "请写一个关于大海的故事。",
            "海についての短い物語を書いてください。",
        ] {
            assert!(is_instruction(asked), "{asked}");
        }
    }

    #[test]
    fn a_beginning_stays_one_whatever_its_first_word() {
        for begun in [
            "",
            "Once upon a time",
            "“Write,” she said",
            "Writers are",
            "Tell-tale hearts",
            "Imagine a city",
            "狼",
            "Write it down, said the widow, and Marta wrote it down.\n\nThe next day the road was white.",
            "Write it down, said the widow, and Marta wrote it down.",
            "Please come in, said the widow.",
            "Please don't go,\" she said",
            "Please don’t go,” she said",
            "Please don't go!\" she cried, and ran.",
            "Tell me. Tell me. He never did. He went out. He came back. It rained. Nobody spoke of it again.",
            "Continue\n\nthe story",
            "Schreibt man so? fragte er.",
            "Bitte geh, sagte sie.",
        ] {
            assert!(!is_instruction(begun), "{begun}");
        }
    }
}
