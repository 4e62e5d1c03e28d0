//! What was decided without being asked, or does nothing: told to the edge as data.

use std::path::PathBuf;

use crate::model::Split;

/// Something a person may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Nobody said how the prompt is to be put, and it was taken as an instruction.
    TakenAsInstruction,
    /// Nobody said how the prompt is to be put, and it was taken as the beginning of a story.
    TakenAsBeginning,
    /// The chat template has no place for a system text: it stands before the prompt.
    SystemBeforePrompt,
    /// The model was to think, and its chat template knows no thinking.
    NoThinking,
    /// The thinking was ended after so many tokens.
    ThinkingEnded(usize),
    /// The prompt ends in a space, after which most models go on strangely.
    PromptEndsInSpace,
    /// The beginning of the answer does.
    PrefillEndsInSpace,
    /// The prompt came from a file and ends in its only line break, which the model reads.
    PromptEndsInLineBreak,
    /// Layers were asked to be on GPUs, and none is used: there is none, or these devices hold none.
    GpuLayersIdle(u32, Option<Vec<String>>),
    /// A way to divide the model was asked for, and no GPU is used.
    SplitIdle(Split, Option<Vec<String>>),
    /// More threads than cores.
    ThreadsAboveCores {
        /// So many were asked for.
        threads: usize,
        /// So many cores there are.
        cores: usize,
    },
    /// The weights were to be kept in memory, and the system refused.
    NotLocked,
    /// A kept state of a prompt is damaged or is none; it was removed, and the prompt is read.
    StateIgnored {
        /// The file, or the folder that cannot be read.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// A kept state of a prompt did not fit the memory, or could not be taken of it.
    StateNotUsed(String),
    /// What was measured to suit the machine cannot be read: what the machine is decides.
    TunedIgnored {
        /// The file, or the folder that cannot be read.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The state of a prompt could not be kept.
    StateNotKept(String),
}
