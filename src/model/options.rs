//! How a model is loaded and how its memory computes: plain data, spelled once for files, records and command lines.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The most branches that can live at once in one memory: llama.cpp numbers its sequences in a fixed table.
pub const MOST_BRANCHES: usize = 256;

/// The most processor threads that llama.cpp takes.
pub const MOST_THREADS: usize = 512;

/// A choice among a few, each with its name and one line on it.
pub trait Choice: Copy + PartialEq + 'static {
    /// All there are: the value, its name, and what it is.
    const ALL: &'static [(Self, &'static str, &'static str)];

    /// Its name.
    #[must_use]
    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(one, ..)| *one == self).map_or("", |(_, name, _)| name)
    }

    /// The one of this name.
    ///
    /// # Errors
    /// There is none; the error names those that there are.
    fn named(name: &str) -> Result<Self, UnknownChoice> {
        let found = Self::ALL.iter().find(|(_, known, _)| *known == name);
        found.map(|(one, ..)| *one).ok_or_else(|| UnknownChoice(Self::ALL.iter().map(|(_, name, _)| *name).collect()))
    }
}

/// A name that is none of a choice; holds those that are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownChoice(pub Vec<&'static str>);

impl fmt::Display for UnknownChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected one of `{}`", self.0.join("`, `"))
    }
}

impl std::error::Error for UnknownChoice {}

/// An enum whose variants have names: in files, in records and on command lines the same.
macro_rules! choice {
    ($(#[$about:meta])* pub enum $Choice:ident { $($(#[doc = $doc:literal])+ $(#[$mark:ident])? $Variant:ident = $name:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub enum $Choice { $($(#[doc = $doc])+ $(#[$mark])? $Variant,)+ }

        impl Choice for $Choice {
            const ALL: &'static [(Self, &'static str, &'static str)] = &[$((Self::$Variant, $name, concat!($($doc),+)),)+];
        }

        impl fmt::Display for $Choice {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $Choice {
            type Err = UnknownChoice;

            fn from_str(name: &str) -> Result<Self, UnknownChoice> {
                Self::named(name)
            }
        }

        impl Serialize for $Choice {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> Deserialize<'de> for $Choice {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = String::deserialize(deserializer)?;
                Self::named(&name).map_err(|unknown| serde::de::Error::custom(unknown))
            }
        }
    };
}

choice! {
    /// Whether attention is computed without ever storing the whole matrix.
    pub enum FlashAttention {
        /// Where the device can.
        #[default]
        Auto = "auto",
        /// Always.
        On = "on",
        /// Never.
        Off = "off",
    }
}

choice! {
    /// The type of the numbers in the KV cache. The quantised ones save memory and cost precision.
    pub enum CacheType {
        /// 32 bits, as computed.
        F32 = "f32",
        /// 16 bits.
        #[default]
        F16 = "f16",
        /// 16 bits with the range of 32.
        Bf16 = "bf16",
        /// 8.5 bits: blocks of 32 with a scale.
        Q8_0 = "q8_0",
        /// 6 bits: blocks of 32 with a scale and an offset.
        Q5_1 = "q5_1",
        /// 5.5 bits.
        Q5_0 = "q5_0",
        /// 5 bits, with an offset.
        Q4_1 = "q4_1",
        /// 4.5 bits.
        Q4_0 = "q4_0",
    }
}

choice! {
    /// How a model is divided among several GPUs.
    pub enum Split {
        /// Not at all: one GPU holds everything.
        None = "none",
        /// Whole layers, each with its memory.
        #[default]
        Layer = "layer",
        /// The rows of every matrix.
        Row = "row",
    }
}

impl CacheType {
    /// Whether numbers stand in blocks with a scale.
    #[must_use]
    pub fn is_quantised(self) -> bool {
        !matches!(self, Self::F32 | Self::F16 | Self::Bf16)
    }

    /// Bits for one number, a block's scale and offset shared among its 32 numbers.
    #[must_use]
    pub fn bits(self) -> f64 {
        match self {
            Self::F32 => 32.0,
            Self::F16 | Self::Bf16 => 16.0,
            Self::Q8_0 => 8.5,
            Self::Q5_1 => 6.0,
            Self::Q5_0 => 5.5,
            Self::Q4_1 => 5.0,
            Self::Q4_0 => 4.5,
        }
    }
}

/// How many layers are to be on GPUs; the output counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GpuLayers {
    /// As many as fit.
    #[default]
    Auto,
    /// So many, or all where there are not so many.
    Fixed(u32),
}

/// A LoRA adapter: weights that are added to those of a model, so many times.
#[derive(Debug, Clone, PartialEq)]
pub struct Adapter {
    /// The GGUF file.
    pub file: PathBuf,
    /// How often it is added: at 1 as it was trained, at 0 not at all.
    pub scale: f32,
}

/// How a model file is loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadOptions {
    /// Names of the devices to use beside the processor; `None` uses all of them, an empty list none.
    pub devices: Option<Vec<String>>,
    /// Which of the used GPUs holds everything with [`Split::None`], counted from 0.
    pub main_gpu: usize,
    /// How a model is divided among GPUs.
    pub split: Split,
    /// Layers that go to the GPU; 0 keeps the model on the processor, `None` moves all where the build and machine have a GPU.
    pub gpu_layers: Option<u32>,
    /// Map the file instead of reading it: starts at once, and several processes share the memory.
    pub use_mmap: bool,
    /// Keep the weights from ever being written out to disk.
    pub use_mlock: bool,
    /// What is added to them.
    pub adapters: Vec<Adapter>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        let (devices, gpu_layers, adapters) = (None, None, Vec::new());
        Self { devices, main_gpu: 0, split: Split::Layer, gpu_layers, use_mmap: true, use_mlock: false, adapters }
    }
}

/// What the memory of a session is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// Tokens that are remembered at once, over all branches; shared ones count once. At least 1.
    pub cells: usize,
    /// Branches that live at once, trunks and forks together: 1 to [`MOST_BRANCHES`]. Memory grows with it, and with
    /// recurrent models multiplies by it.
    pub branches: usize,
    /// Tokens evaluated in one decode, at least 1; never more than `cells`. Memory grows with it.
    pub batch: usize,
    /// `None`: 1 for models below 100 MB, else the physical cores.
    pub threads: Option<usize>,
    /// Equal bits need equal choices here.
    pub flash_attention: FlashAttention,
    /// The type of the remembered keys.
    pub keys: CacheType,
    /// The type of the remembered values; a quantised one needs flash attention.
    pub values: CacheType,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            cells: 2048,
            branches: 32,
            batch: 128,
            threads: None,
            flash_attention: FlashAttention::Auto,
            keys: CacheType::F16,
            values: CacheType::F16,
        }
    }
}

/// What the memory of a session has, every default filled in: with the model, all that decides the bits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SessionSettings {
    /// Tokens that are remembered at once, over all branches.
    pub cells: usize,
    /// Branches that live at once.
    pub branches: usize,
    /// Tokens evaluated in one decode.
    pub batch: usize,
    /// For single tokens and for batches.
    pub threads: usize,
    /// As asked; what `auto` came to, llama.cpp does not tell.
    pub flash_attention: FlashAttention,
    /// The type of the remembered keys.
    pub keys: CacheType,
    /// The type of the remembered values.
    pub values: CacheType,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_spelled_the_same_everywhere() {
        for (one, name, about) in CacheType::ALL {
            assert_eq!((one.to_string().as_str(), name.parse()), (*name, Ok(*one)));
            assert_eq!(serde_json::to_string(one).unwrap(), format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<CacheType>(&format!("\"{name}\"")).unwrap(), *one);
            assert!(about.ends_with('.'), "{about}");
        }
        assert_eq!(Split::named("column").unwrap_err().to_string(), "expected one of `none`, `layer`, `row`");
        assert!(serde_json::from_str::<FlashAttention>("\"perhaps\"").unwrap_err().to_string().contains("`auto`, `on`, `off`"));
        let defaults = (FlashAttention::default(), CacheType::default(), Split::default());
        assert_eq!(defaults, (FlashAttention::Auto, CacheType::F16, Split::Layer));
    }
}
