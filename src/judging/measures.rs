//! What was measured of the arms that people judge, as an evaluation in JSON tells it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::eval::EVALUATION_FORMAT;
use crate::files;

/// What was measured of arms: by measure and arm.
pub type Measures = BTreeMap<String, BTreeMap<String, f64>>;

/// No evaluation has more bytes: those of a thousand arms.
const LONGEST: u64 = 256 << 20;

/// The parts of an evaluation that are read.
#[derive(Deserialize)]
struct Evaluation {
    format: u32,
    judges: Vec<Named>,
    arms: Vec<Named>,
    measures: Vec<Measured>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Measured {
    key: String,
    /// The number of the model that judged, where it was one.
    judge: Option<usize>,
    /// In the order of the arms.
    arms: Vec<Value>,
}

#[derive(Deserialize)]
struct Value {
    /// None where an arm has no such number.
    value: Option<f64>,
}

/// The measures in a file that holds an evaluation as JSON; one of a model's has the name of the model behind it.
///
/// # Errors
/// The file cannot be read, or holds no evaluation.
pub fn measures(path: &Path) -> Result<Measures> {
    let read = || {
        let bytes = files::read(path, LONGEST)?;
        let hint = "name a file with an evaluation in JSON";
        let Ok(evaluation) = serde_json::from_slice::<Evaluation>(&bytes) else { bail!("it is no evaluation\nhint: {hint}") };
        if evaluation.format > EVALUATION_FORMAT {
            bail!("it has the form {}, and this program reads up to {EVALUATION_FORMAT}", evaluation.format);
        }
        Ok(evaluation.measures.iter().map(|measured| evaluation.of(measured)).collect())
    };
    read().with_context(|| format!("cannot read the measures `{}`", path.display()))
}

impl Evaluation {
    /// A measure by name, with what each arm has of it.
    fn of(&self, measured: &Measured) -> (String, BTreeMap<String, f64>) {
        let judge = measured.judge.and_then(|judge| self.judges.get(judge));
        let name = judge.map_or(measured.key.clone(), |judge| format!("{} · {}", measured.key, judge.name));
        let arms = self.arms.iter().zip(&measured.arms);
        (name, arms.filter_map(|(arm, value)| Some((arm.name.clone(), value.value?))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_of_every_arm_is_read_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eval.json");
        let text = r#"{"format":1,"seed":7,"judges":[{"name":"gemma","bound":1.5}],
            "arms":[{"name":"wave","stories":9},{"name":"open","stories":9}],
            "measures":[{"key":"shared-4","judge":null,"arms":[{"value":0.25,"low":0.1},{"value":null}]},
                        {"key":"surprisal","judge":0,"arms":[{"value":1.5},{"value":2.0}]}]}"#;
        std::fs::write(&path, text).unwrap();
        let measures = measures(&path).unwrap();
        assert_eq!(measures.keys().map(String::as_str).collect::<Vec<_>>(), ["shared-4", "surprisal · gemma"]);
        assert_eq!(measures["shared-4"], [("wave".to_owned(), 0.25)].into());
        assert_eq!(measures["surprisal · gemma"]["open"], 2.0);
    }

    #[test]
    fn what_is_no_evaluation_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("eval.json");
        for (text, cause) in [
            ("once", "it is no evaluation\nhint: "),
            ("{\"format\":1,\"prompt\":\"a\"}", "it is no evaluation\nhint: "),
            ("{\"format\":2,\"judges\":[],\"arms\":[],\"measures\":[]}", "it has the form 2, and this program reads up to 1"),
        ] {
            std::fs::write(&path, text).unwrap();
            let said = format!("{:#}", measures(&path).unwrap_err());
            assert!(said.starts_with("cannot read the measures `") && said.contains(cause), "{said}");
        }
        assert!(format!("{:#}", measures(folder.path()).unwrap_err()).contains("it is a folder"));
    }
}
