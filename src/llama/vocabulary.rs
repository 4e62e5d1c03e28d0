//! The vocabulary of a model file as the pure value that storytellers read.

use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token_type::LlamaTokenAttr;
use llama_cpp_2::vocab::LlamaVocab;

use crate::model::{Kind, Vocabulary, has_form_of_control};

/// Reads all pieces and kinds. Pieces are text as it would be written: markers of spaces are spaces, byte tokens bytes,
/// and control tokens nothing.
pub(super) fn read(vocabulary: &LlamaVocab) -> Vocabulary {
    let suppressed = vocabulary.suppress_tokens();
    Vocabulary::new(vocabulary.tokens().map(|token| {
        let piece = vocabulary.token_to_piece(token, false, None);
        let kind = kind(vocabulary, suppressed, token, &piece);
        (piece, kind)
    }))
}

/// An end ends even where it is also a control token or suppressed: the other order would make an endless story.
fn kind(vocabulary: &LlamaVocab, suppressed: &[LlamaToken], token: LlamaToken, piece: &[u8]) -> Kind {
    let silent = LlamaTokenAttr::Control | LlamaTokenAttr::Unknown | LlamaTokenAttr::Unused;
    let attributes = vocabulary.attr(token);
    let disguised = attributes.contains(LlamaTokenAttr::UserDefined) && has_form_of_control(piece);
    if vocabulary.is_eog(token) {
        Kind::End
    } else if attributes.intersects(silent) || disguised || suppressed.contains(&token) {
        Kind::Control
    } else {
        Kind::Text
    }
}
