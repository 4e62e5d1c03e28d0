//! The part of a run that a scheduler has given to this process: a task of a Slurm array, or a pod of an Indexed Job of Kubernetes.

use std::fmt;
use std::num::NonZeroUsize;

use super::shard::Shard;

/// The number of a Slurm array's task; the first of its numbers, their distance, the last of them, and how many there are.
const SLURM: [&str; 5] =
    ["SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_STEP", "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_COUNT"];

/// The number of a pod, counted from 0.
const INDEX: &str = "JOB_COMPLETION_INDEX";

/// How many parts there are, where the scheduler does not say: a Job does not tell its pods.
pub const SHARDS: &str = "AFTERWORD_SHARDS";

/// A part, and the variable that told which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allotted {
    /// The part.
    pub shard: Shard,
    /// The variable that numbers it.
    pub by: &'static str,
}

/// Why no part can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAllotted {
    /// No scheduler says anything.
    Nobody,
    /// Two do.
    Both(&'static str, &'static str),
    /// A variable is set, and the one that belongs to it is not.
    Missing {
        /// The one that is set.
        set: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A variable holds no number that it could hold.
    NoNumber {
        /// The variable.
        name: &'static str,
        /// What it holds.
        value: String,
        /// What it could hold.
        expected: &'static str,
    },
    /// The numbers of an array have gaps: which of its tasks is the third cannot be told.
    Gaps {
        /// The number of this task, and the first, distance, last and count of all.
        numbers: [usize; 5],
    },
    /// There are fewer parts than this number would need, counted from 0.
    Beyond {
        /// The number.
        index: usize,
        /// The parts.
        shards: usize,
    },
}

impl Allotted {
    /// The part that exactly one scheduler tells of. `variable` is what the environment says; an empty value says nothing.
    ///
    /// A task of an array has the place (ID − MIN) / STEP among COUNT, a pod its index among [`SHARDS`].
    ///
    /// # Errors
    /// None tells, or two do; or what one says is incomplete, or cannot be.
    pub fn read(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, NotAllotted> {
        let said = |name: &&'static str| variable(name).is_some_and(|value| !value.is_empty());
        let slurm = SLURM.iter().copied().find(said);
        let pod = [INDEX, SHARDS].into_iter().find(said);
        match (slurm, pod) {
            (None, None) => Err(NotAllotted::Nobody),
            (Some(one), Some(other)) => Err(NotAllotted::Both(one, other)),
            (Some(set), None) => Self::of_array(set, variable),
            (None, Some(set)) => Self::of_pod(set, variable),
        }
    }

    fn of_array(set: &'static str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, NotAllotted> {
        let mut numbers = [0; SLURM.len()];
        for (number, name) in numbers.iter_mut().zip(SLURM) {
            *number = self::number(name, set, 0, variable)?;
        }
        let [id, first, step, last, count] = numbers;
        let is_whole = step > 0
            && (first..=last).contains(&id)
            && (id - first).is_multiple_of(step)
            && (last - first).is_multiple_of(step)
            && (last - first) / step + 1 == count;
        if !is_whole {
            return Err(NotAllotted::Gaps { numbers });
        }
        Self::place((id - first) / step, count, SLURM[0])
    }

    fn of_pod(set: &'static str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, NotAllotted> {
        Self::place(number(INDEX, set, 0, variable)?, number(SHARDS, set, 1, variable)?, INDEX)
    }

    fn place(index: usize, shards: usize, by: &'static str) -> Result<Self, NotAllotted> {
        let counted = |number: usize| NonZeroUsize::new(number);
        let shard = index.checked_add(1).and_then(counted).zip(counted(shards)).and_then(|(part, of)| Shard::new(part, of));
        shard.map(|shard| Self { shard, by }).ok_or(NotAllotted::Beyond { index, shards })
    }
}

/// The number in a variable, at least this; `set` is one that is there.
fn number(
    name: &'static str,
    set: &'static str,
    least: usize,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<usize, NotAllotted> {
    let value = variable(name).filter(|value| !value.is_empty()).ok_or(NotAllotted::Missing { set, missing: name })?;
    let expected = if least == 0 { "a whole number from 0 up" } else { "a whole number from 1 up" };
    match value.parse() {
        Ok(number) if number >= least => Ok(number),
        _ => Err(NotAllotted::NoNumber { name, value, expected }),
    }
}

impl fmt::Display for NotAllotted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => {
                write!(f, "no scheduler tells which part this is: neither `{}` nor `{INDEX}` is set", SLURM[0])
            }
            Self::Both(one, other) => {
                write!(f, "two schedulers tell which part this is: both `{one}` and `{other}` are set")
            }
            Self::Missing { set, missing } => {
                write!(f, "which part this is cannot be told: `{set}` is set, and `{missing}` is not")
            }
            Self::NoNumber { name, value, expected } => {
                let value = crate::text::excerpt(value, crate::text::EXCERPT);
                write!(f, "the variable `{name}` is `{value}`: expected {expected}")
            }
            Self::Gaps { numbers: [id, first, step, last, count] } => write!(
                f,
                "which part this is cannot be told: the array has {count} tasks from {first} to {last} in steps of {step}, and this is \
                 {id}"
            ),
            Self::Beyond { index, shards } => write!(
                f,
                "which part this is cannot be told: `{INDEX}` is {index}, counted from 0, and `{SHARDS}` says that there are {shards}"
            ),
        }
    }
}

impl std::error::Error for NotAllotted {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<String, NotAllotted> {
        let variable = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        Allotted::read(&variable).map(|Allotted { shard, by }| format!("{shard} by {by}"))
    }

    fn array<'v>(id: &'v str, first: &'v str, step: &'v str, last: &'v str, count: &'v str) -> [(&'static str, &'v str); 5] {
        let mut values = [id, first, step, last, count].into_iter();
        SLURM.map(|name| (name, values.next().unwrap()))
    }

    #[test]
    fn a_task_of_an_array_has_its_place_wherever_the_array_begins() {
        for (first, step, count) in [(0, 1, 8), (1, 1, 8), (5, 1, 3), (10, 5, 4), (0, 7, 2), (3, 1, 1)] {
            let last = first + (count - 1) * step;
            let parts: Vec<String> = (first..=last)
                .step_by(step)
                .map(|id| {
                    let [id, first, step, last, count] = [id, first, step, last, count].map(|number: usize| number.to_string());
                    read(&array(&id, &first, &step, &last, &count)).unwrap()
                })
                .collect();
            let all: Vec<String> = (1..=count).map(|part| format!("{part}/{count} by SLURM_ARRAY_TASK_ID")).collect();
            assert_eq!(parts, all);
        }
    }

    #[test]
    fn a_pod_is_counted_from_0_among_as_many_as_are_named() {
        let pod = |index, shards| read(&[(INDEX, index), (SHARDS, shards)]);
        assert_eq!(pod("0", "8").unwrap(), "1/8 by JOB_COMPLETION_INDEX");
        assert_eq!(pod("7", "8").unwrap(), "8/8 by JOB_COMPLETION_INDEX");
        assert_eq!(pod("8", "8"), Err(NotAllotted::Beyond { index: 8, shards: 8 }));
    }

    #[test]
    fn one_scheduler_and_no_more_tells_and_what_it_says_is_whole() {
        let slurm = array("3", "1", "1", "8", "8");
        let without = |name: &str| slurm.iter().copied().filter(|(set, _)| *set != name).collect::<Vec<_>>();
        assert_eq!(read(&[]), Err(NotAllotted::Nobody));
        assert_eq!(read(&[(INDEX, ""), (SLURM[0], "")]), Err(NotAllotted::Nobody));
        assert_eq!(read(&[&slurm[..], &[(INDEX, "2")]].concat()), Err(NotAllotted::Both(SLURM[0], INDEX)));
        assert_eq!(read(&[&slurm[..], &[(SHARDS, "2")]].concat()), Err(NotAllotted::Both(SLURM[0], SHARDS)));
        assert_eq!(read(&[(INDEX, "2")]), Err(NotAllotted::Missing { set: INDEX, missing: SHARDS }));
        assert_eq!(read(&[(SHARDS, "2")]), Err(NotAllotted::Missing { set: SHARDS, missing: INDEX }));
        for missing in &SLURM[1..] {
            assert_eq!(read(&without(missing)), Err(NotAllotted::Missing { set: SLURM[0], missing }));
        }
        assert_eq!(read(&without(SLURM[0])), Err(NotAllotted::Missing { set: SLURM[1], missing: SLURM[0] }));
    }

    #[test]
    fn an_array_with_gaps_and_numbers_that_are_none_are_refused_in_a_sentence() {
        // `--array=1,4,7,9`, and a task that is none of its own array.
        for [id, first, step, last, count] in [
            ["4", "1", "1", "9", "4"],
            ["4", "1", "3", "9", "4"],
            ["2", "1", "3", "7", "3"],
            ["0", "1", "1", "8", "8"],
            ["9", "1", "1", "8", "8"],
            ["1", "1", "0", "8", "8"],
            ["1", "8", "1", "1", "8"],
        ] {
            let said = read(&array(id, first, step, last, count)).unwrap_err().to_string();
            let told = format!("the array has {count} tasks from {first} to {last} in steps of {step}, and this is {id}");
            assert_eq!(said, format!("which part this is cannot be told: {told}"));
        }
        for (name, value, expected) in
            [(INDEX, "-1", "0"), (INDEX, "x", "0"), (SHARDS, "0", "1"), (SHARDS, "99999999999999999999", "1")]
        {
            let usual = |other: &'static str| (other, if other == name { value } else { "3" });
            let said = read(&[usual(INDEX), usual(SHARDS)]).unwrap_err().to_string();
            assert_eq!(said, format!("the variable `{name}` is `{value}`: expected a whole number from {expected} up"));
        }
    }
}
