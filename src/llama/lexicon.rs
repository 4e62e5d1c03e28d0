//! The vocabulary of a model file as the pure value that storytellers read.

use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token_type::LlamaTokenAttr;
use llama_cpp_2::vocab::LlamaVocab;

use crate::model::{Kind, Lexicon};

/// Reads all pieces and kinds. Pieces are text as it would be written: markers of spaces are spaces, byte tokens bytes,
/// and control tokens nothing.
pub(super) fn read(vocabulary: &LlamaVocab) -> Lexicon {
    let suppressed = vocabulary.suppress_tokens();
    Lexicon::new(vocabulary.tokens().map(|token| {
        let piece = vocabulary.token_to_piece(token, false, None);
        (piece, kind(vocabulary, suppressed, token))
    }))
}

/// An end ends even where it is also a control token or suppressed: the other order would make an endless story.
fn kind(vocabulary: &LlamaVocab, suppressed: &[LlamaToken], token: LlamaToken) -> Kind {
    let silent = LlamaTokenAttr::Control | LlamaTokenAttr::Unknown | LlamaTokenAttr::Unused;
    if vocabulary.is_eog(token) {
        Kind::End
    } else if vocabulary.attr(token).intersects(silent) || suppressed.contains(&token) {
        Kind::Control
    } else {
        Kind::Text
    }
}
