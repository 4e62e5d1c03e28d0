//! Where in a command a model is named, a file that may name one, or who is to compute for it.

use std::path::{Path, PathBuf};

use super::{Command, Models, Presets};
use crate::cli::settings::OF_THE_MODEL;
use crate::engine::Worker;

impl Command {
    /// The file that is told on, whose first lines may say how.
    pub fn told_on(&self) -> Option<&Path> {
        match self {
            Self::Write(args) => args.append.as_deref(),
            Self::Desk(args) => Some(&args.file),
            _ => None,
        }
    }

    /// The workers that are to compute for the command. Who only looks at them asks by itself.
    pub fn workers(&self) -> &[Worker] {
        match self {
            Self::Write(args) => &args.model.device.rpc,
            #[cfg(feature = "serve")]
            Self::Serve(args) => &args.model.device.rpc,
            Self::Desk(args) => &args.model.device.rpc,
            #[cfg(feature = "explore")]
            Self::Explore(args) => &args.model.device.rpc,
            Self::Compare(args) => &args.model.device.rpc,
            Self::Explain(args) => &args.model.device.rpc,
            Self::Batch(args) => &args.model.device.rpc,
            Self::Score(args) => &args.model.device.rpc,
            Self::Bench(args) => &args.model.device.rpc,
            Self::Tune(args) => &args.model.device.rpc,
            Self::Calibrate(args) => &args.model.device.rpc,
            Self::Replay(args) => &args.device.rpc,
            Self::Eval(args) => &args.device.rpc,
            Self::Presets(_)
            | Self::Models(_)
            | Self::Report(_)
            | Self::Judge(_)
            | Self::Cache(_)
            | Self::Config(_)
            | Self::Doctor { .. }
            | Self::RpcServe(_)
            | Self::Completions { .. }
            | Self::Man { .. }
            | Self::RenderTemplates => &[],
        }
    }

    /// The models that the command reads, as they were typed: by name or path. The bundled one is not among them, nor those that a
    /// command only writes down.
    pub fn models(&mut self) -> Vec<&mut PathBuf> {
        match self {
            Self::Write(args) => args.model.model.iter_mut().collect(),
            #[cfg(feature = "serve")]
            Self::Serve(args) => args.model.model.iter_mut().collect(),
            Self::Desk(args) => args.model.model.iter_mut().collect(),
            #[cfg(feature = "explore")]
            Self::Explore(args) => args.model.model.iter_mut().collect(),
            Self::Compare(args) => args.model.model.iter_mut().collect(),
            Self::Explain(args) => args.model.model.iter_mut().collect(),
            Self::Batch(args) => args.model.model.iter_mut().collect(),
            Self::Score(args) => args.model.model.iter_mut().collect(),
            Self::Bench(args) => args.model.model.iter_mut().collect(),
            Self::Tune(args) => args.model.model.iter_mut().collect(),
            Self::Calibrate(args) => args.model.model.iter_mut().collect(),
            Self::Replay(args) => args.model.iter_mut().collect(),
            Self::Eval(args) => args.judge.iter_mut().collect(),
            // Of others than the one that a model brings along nobody asks for a model.
            Self::Presets(Presets::Show { model, name, .. } | Presets::New { model, from: name, .. }) => {
                model.iter_mut().filter(|_| name == OF_THE_MODEL).collect()
            }
            Self::Models(Models::Info { path, .. }) => vec![path],
            #[cfg(feature = "hub")]
            Self::Models(Models::Pull(_) | Models::Known { .. }) => Vec::new(),
            Self::Presets(
                Presets::List { .. }
                | Presets::Import { .. }
                | Presets::Reference { .. }
                | Presets::Schema
                | Presets::Check { .. },
            )
            | Self::Models(Models::List { .. } | Models::Use { .. })
            | Self::Report(_)
            | Self::Judge(_)
            | Self::Cache(_)
            | Self::Config(_)
            | Self::Doctor { .. }
            | Self::RpcServe(_)
            | Self::Completions { .. }
            | Self::Man { .. }
            | Self::RenderTemplates => Vec::new(),
        }
    }
}
