//! What judgements come to: strengths of arms with intervals over prompts, duels, and who agrees with whom.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::agreement::{kappa, kendall, spearman};
use super::games::Games;
use super::judgement::{Choice, Judgement, Side, settled};
use super::measures::Measures;
use super::resampling::{interval, resampled};
use super::strength::{Lead, Strengths};
use crate::eval::statistics::Interval;

/// What judgements come to.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outcome {
    /// Pairs that were judged, ties among them, each as often as it was.
    pub judgements: usize,
    /// Ties among them.
    pub ties: usize,
    /// Pairs that were skipped, and count for nothing.
    pub skipped: usize,
    /// Prompts that were judged.
    pub prompts: usize,
    /// Judges, with the number of their judgements.
    pub judges: BTreeMap<String, usize>,
    /// How often the story that was shown first was preferred.
    pub first_preferred: usize,
    /// Arms, those that would be preferred most often first.
    pub arms: Vec<ArmOutcome>,
    /// Every two arms that met, in the order of the arms.
    pub duels: Vec<Duel>,
    /// The arms in parts that no comparison links; one part where all are linked.
    pub parts: Vec<Vec<String>>,
    /// Judges with each other, and each with what they said before of the same pairs.
    pub judge_agreement: Vec<JudgeAgreement>,
    /// Measures with the judges.
    pub measure_agreement: Vec<MeasureAgreement>,
}

/// What was said of an arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ArmOutcome {
    /// Its name.
    pub arm: String,
    /// How often it was judged.
    pub judgements: usize,
    /// How often it was preferred, a tie as half.
    pub won: f64,
    /// Its chance to be preferred against each of the others equally often, by the model of Bradley and Terry.
    pub chance: Option<f64>,
    /// The interval of the chance.
    pub chance_interval: Option<Interval>,
    /// Its strength against the mean of all, in nats of odds; none where not every arm leads to every other.
    pub strength: Option<f64>,
    /// The interval of the strength.
    pub strength_interval: Option<Interval>,
}

/// Two arms.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Duel {
    /// The one that stands higher among the arms.
    pub arm: String,
    /// The other.
    pub other: String,
    /// How often the first was preferred.
    pub won: usize,
    /// How often the other was.
    pub lost: usize,
    /// How often neither was.
    pub ties: usize,
    /// By how much the first is stronger, in nats of odds; what both have had with others counts too.
    pub lead: Lead,
    /// The interval of the lead.
    pub lead_interval: Option<Interval>,
}

/// Two judges, or one with what he said in another round.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct JudgeAgreement {
    /// A judge.
    pub judge: String,
    /// The other, who may be the same one.
    pub other: String,
    /// The pairs that both have judged.
    pub pairs: usize,
    /// Of them, those of which they said the same.
    pub equal: usize,
    /// Cohen's κ.
    pub kappa: Option<f64>,
}

/// A measure and the judges: do they bring the arms into the same order?
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MeasureAgreement {
    /// The measure.
    pub measure: String,
    /// Arms of which both is known.
    pub arms: usize,
    /// Kendall's `τ_b` of the measure and the chance to be preferred.
    pub kendall: Option<f64>,
    /// The interval of `τ_b`, with the measure as it is.
    pub kendall_interval: Option<Interval>,
    /// Spearman's ρ of the same.
    pub spearman: Option<f64>,
}

impl Outcome {
    /// What these judgements come to, each file of them with the name that judges have who did not say theirs.
    #[must_use]
    pub fn of(files: &[(String, Vec<Judgement>)], measures: &Measures, seed: u64) -> Self {
        let named = |(name, judgements): &(String, Vec<Judgement>)| {
            let judge = |judgement: &Judgement| Judgement {
                judge: judgement.judge.clone().or_else(|| Some(name.clone())),
                ..judgement.clone()
            };
            judgements.iter().map(judge).collect::<Vec<_>>()
        };
        let all: Vec<Judgement> = files.iter().flat_map(named).collect();
        let settled = settled(&all);
        let skipped = settled.iter().filter(|judgement| judgement.choice == Choice::Skip).count();
        let said: Vec<&Judgement> = settled.into_iter().filter(|judgement| judgement.share_of_a().is_some()).collect();
        let chose = |choice: Choice| said.iter().filter(|judgement| judgement.choice == choice).count();
        let mut judges = BTreeMap::new();
        for judgement in &said {
            *judges.entry(judge_of(judgement).to_owned()).or_default() += 1;
        }
        let table = Table::of(&said, seed);
        let order = table.order();
        let name = |arm: &usize| table.names[*arm].clone();
        Self {
            judgements: said.len(),
            ties: chose(Choice::Tie),
            skipped,
            prompts: table.prompts,
            judges,
            first_preferred: chose(Choice::A),
            arms: order.iter().map(|&arm| table.arm(arm, &said)).collect(),
            duels: table.duels(&order, &said),
            parts: table.strengths.parts().iter().map(|part| part.iter().map(name).collect()).collect(),
            judge_agreement: agreement(&said),
            measure_agreement: measures.iter().map(|(measure, of)| table.against(measure, of)).collect(),
        }
    }
}

/// The arms, and how strong they are in all and in every resample.
struct Table {
    names: Vec<String>,
    prompts: usize,
    games: Games,
    strengths: Strengths,
    resamples: Vec<Strengths>,
}

impl Table {
    fn of(said: &[&Judgement], seed: u64) -> Self {
        let arms: BTreeSet<&String> = said.iter().flat_map(|judgement| [&judgement.a.arm, &judgement.b.arm]).collect();
        let names: Vec<String> = arms.into_iter().cloned().collect();
        let mut prompts: BTreeMap<&str, Games> = BTreeMap::new();
        for judgement in said {
            let [a, b] = [&judgement.a, &judgement.b].map(|side| names.partition_point(|name| *name < side.arm));
            let games = prompts.entry(&judgement.prompt).or_insert_with(|| Games::new(names.len()));
            // An arm is not compared with itself, whatever a file says.
            if let Some(share) = judgement.share_of_a().filter(|_| a != b) {
                games.add(a, b, share);
            }
        }
        let prompts: Vec<Games> = prompts.into_values().collect();
        let mut games = Games::new(names.len());
        for prompt in &prompts {
            games.add_all(prompt, 1.0);
        }
        let strengths = Strengths::of(&games);
        Self { names, prompts: prompts.len(), games, strengths, resamples: resampled(&prompts, seed) }
    }

    /// The arms by their chances, of equals by name; behind them those that cannot be compared with all.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        let chance = |arm: usize| self.strengths.chance(arm).unwrap_or(-1.0);
        order.sort_by(|one, other| chance(*other).total_cmp(&chance(*one)));
        order
    }

    fn arm(&self, arm: usize, said: &[&Judgement]) -> ArmOutcome {
        let name = &self.names[arm];
        ArmOutcome {
            arm: name.clone(),
            judgements: said.iter().filter(|judgement| judgement.a.arm == *name || judgement.b.arm == *name).count(),
            won: (0..self.names.len()).map(|other| self.games.won(arm, other)).sum(),
            chance: self.strengths.chance(arm),
            chance_interval: interval(&self.resamples, |strengths| strengths.chance(arm)),
            strength: self.strengths.theta(arm),
            strength_interval: interval(&self.resamples, |strengths| strengths.theta(arm)),
        }
    }

    fn duels(&self, order: &[usize], said: &[&Judgement]) -> Vec<Duel> {
        let mut duels = Vec::new();
        for (at, &arm) in order.iter().enumerate() {
            for &other in order[at + 1..].iter().filter(|other| self.games.between(arm, **other) > 0.0) {
                let (name, others) = (&self.names[arm], &self.names[other]);
                let of_first = |judgement: &&&Judgement| match () {
                    () if judgement.a.arm == *name && judgement.b.arm == *others => judgement.share_of_a(),
                    () if judgement.b.arm == *name && judgement.a.arm == *others => {
                        judgement.share_of_a().map(|share| 1.0 - share)
                    }
                    () => None,
                };
                let count = |share: f64| said.iter().filter(|judgement| of_first(judgement) == Some(share)).count();
                duels.push(Duel {
                    arm: name.clone(),
                    other: others.clone(),
                    won: count(1.0),
                    lost: count(0.0),
                    ties: count(0.5),
                    lead: self.strengths.lead(arm, other),
                    lead_interval: interval(&self.resamples, |strengths| strengths.lead(arm, other).number()),
                });
            }
        }
        duels
    }

    /// How far a measure brings the arms into the order that the judges bring them into.
    fn against(&self, measure: &str, of: &BTreeMap<String, f64>) -> MeasureAgreement {
        let known: Vec<(usize, f64)> =
            self.names.iter().enumerate().filter_map(|(arm, name)| Some((arm, *of.get(name)?))).collect();
        let points = |strengths: &Strengths| -> Option<Vec<(f64, f64)>> {
            known.iter().map(|&(arm, value)| Some((value, strengths.chance(arm)?))).collect()
        };
        MeasureAgreement {
            measure: measure.to_owned(),
            arms: known.len(),
            kendall: points(&self.strengths).and_then(|points| kendall(&points)),
            kendall_interval: interval(&self.resamples, |strengths| kendall(&points(strengths)?)),
            spearman: points(&self.strengths).and_then(|points| spearman(&points)),
        }
    }
}

fn judge_of(judgement: &Judgement) -> &str {
    judgement.judge.as_deref().unwrap_or_default()
}

/// What each judge said of each pair, from the first round on: whether the side that comes first in order was preferred.
type Answers<'j> = BTreeMap<&'j str, BTreeMap<(&'j Side, &'j Side), Vec<(usize, usize)>>>;

/// Judges with each other, in the last round in which each saw a pair; and each with himself, where a pair came in two rounds.
fn agreement(said: &[&Judgement]) -> Vec<JudgeAgreement> {
    let mut answers: Answers = BTreeMap::new();
    for judgement in said {
        let (judge, round, one, other) = judgement.question();
        let turned = *one != judgement.a;
        let answer = match judgement.choice {
            Choice::Tie => 2,
            choice => usize::from((choice == Choice::A) == turned),
        };
        answers.entry(judge.unwrap_or_default()).or_default().entry((one, other)).or_default().push((round, answer));
    }
    answers.values_mut().flat_map(BTreeMap::values_mut).for_each(|answers| answers.sort_unstable());
    let judges: Vec<_> = answers.iter().collect();
    let last = |answers: &[(usize, usize)]| answers[answers.len() - 1].1;
    let mut found = Vec::new();
    for (at, (judge, own)) in judges.iter().enumerate() {
        let again = own.values().flat_map(|answers| answers.windows(2).map(|two| (two[0].1, two[1].1)));
        found.extend(JudgeAgreement::of(judge, judge, &again.collect::<Vec<_>>()));
        for (other, others) in &judges[at + 1..] {
            let both = own.iter().filter_map(|(pair, answers)| Some((last(answers), last(others.get(pair)?))));
            found.extend(JudgeAgreement::of(judge, other, &both.collect::<Vec<_>>()));
        }
    }
    found
}

impl JudgeAgreement {
    /// `None` where there is no pair that both have judged.
    fn of(judge: &str, other: &str, answers: &[(usize, usize)]) -> Option<Self> {
        let equal = answers.iter().filter(|(one, other)| one == other).count();
        let agreement =
            Self { judge: judge.to_owned(), other: other.to_owned(), pairs: answers.len(), equal, kappa: kappa(answers) };
        (!answers.is_empty()).then_some(agreement)
    }
}

#[cfg(test)]
mod tests {
    use super::super::judgement::tests::judgement;
    use super::*;
    use crate::prob::Noise;

    fn outcome(judgements: Vec<Judgement>) -> Outcome {
        Outcome::of(&[("file".to_owned(), judgements)], &Measures::new(), 1)
    }

    #[test]
    fn three_to_one_of_two_arms_is_told_in_all_its_forms() {
        let choices = [("p", Choice::A), ("q", Choice::B), ("r", Choice::A), ("s", Choice::A)];
        // The second of the four is shown the other way round.
        let said = choices.map(|(prompt, choice)| match prompt {
            "q" => judgement("ann", prompt, "open", "wave", Choice::A),
            _ => judgement("ann", prompt, "wave", "open", choice),
        });
        let outcome = outcome(said.to_vec());
        let [wave, open] = &outcome.arms[..] else { panic!("{outcome:?}") };
        assert_eq!((wave.arm.as_str(), wave.won, wave.judgements), ("wave", 3.0, 4));
        assert!((wave.chance.unwrap() - 0.75).abs() < 1e-9 && (open.chance.unwrap() - 0.25).abs() < 1e-9);
        let [duel] = &outcome.duels[..] else { panic!("{outcome:?}") };
        assert_eq!((duel.won, duel.lost, duel.ties), (3, 1, 0));
        assert!((duel.lead.number().unwrap() - 3_f64.ln()).abs() < 1e-9);
        assert_eq!((outcome.judgements, outcome.prompts, outcome.first_preferred), (4, 4, 4));
        assert_eq!(outcome.parts, [["open", "wave"]]);
    }

    #[test]
    fn what_was_skipped_or_taken_back_counts_for_nothing() {
        let outcome = outcome(vec![
            judgement("ann", "p", "wave", "open", Choice::A),
            judgement("ann", "p", "wave", "open", Choice::Undone),
            judgement("ann", "p", "wave", "open", Choice::Tie),
            judgement("ann", "q", "wave", "open", Choice::Skip),
        ]);
        assert_eq!((outcome.judgements, outcome.ties, outcome.skipped, outcome.prompts), (1, 1, 1, 1));
        assert_eq!(outcome.duels[0].lead, Lead::By(0.0));
        assert_eq!(outcome.arms[0].chance_interval, None, "of one prompt");
        let nothing = super::tests::outcome(vec![judgement("ann", "q", "wave", "open", Choice::Skip)]);
        assert_eq!((nothing.judgements, nothing.skipped, nothing.arms.len(), nothing.duels.len()), (0, 1, 0, 0));
    }

    #[test]
    fn judges_are_who_they_say_or_whose_file_it_is() {
        let unnamed = |prompt: &str, choice| Judgement { judge: None, ..judgement("", prompt, "wave", "open", choice) };
        let files = [
            ("monday".to_owned(), vec![unnamed("p", Choice::A), unnamed("q", Choice::B), unnamed("r", Choice::Tie)]),
            ("tuesday".to_owned(), vec![unnamed("p", Choice::A), unnamed("q", Choice::A), unnamed("r", Choice::Skip)]),
            ("ann-again".to_owned(), vec![judgement("ann", "q", "open", "wave", Choice::B)]),
        ];
        let outcome = Outcome::of(&files, &Measures::new(), 1);
        let counts: Vec<(&str, usize)> = outcome.judges.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        assert_eq!(counts, [("ann", 1), ("monday", 3), ("tuesday", 2)]);
        let agreed: Vec<(&str, &str, usize, usize)> =
            outcome.judge_agreement.iter().map(|two| (&*two.judge, &*two.other, two.equal, two.pairs)).collect();
        // Whoever says the other side of the other order says the same.
        assert_eq!(agreed, [("ann", "monday", 0, 1), ("ann", "tuesday", 1, 1), ("monday", "tuesday", 1, 2)]);
    }

    #[test]
    fn a_judge_is_held_to_what_he_said_before() {
        let first = judgement("ann", "p", "wave", "open", Choice::A);
        let turned = Judgement { round: 2, ..judgement("ann", "p", "open", "wave", Choice::B) };
        let other = judgement("ann", "q", "wave", "open", Choice::A);
        let changed = Judgement { round: 2, ..judgement("ann", "q", "open", "wave", Choice::Tie) };
        let outcome = outcome(vec![first, turned, other, changed]);
        let [own] = &outcome.judge_agreement[..] else { panic!("{outcome:?}") };
        assert_eq!((own.judge.as_str(), own.other.as_str(), own.equal, own.pairs), ("ann", "ann", 1, 2));
        assert_eq!(outcome.judgements, 4);
    }

    /// 60 prompts, every two of four arms once a prompt.
    #[test]
    fn simulated_judges_bring_the_arms_into_their_order_and_intervals_hold_the_truth() {
        let truth = [("a", 0.8), ("b", 0.2), ("c", -0.2), ("d", -0.8)];
        let mut said = Vec::new();
        for step in 0..60 {
            for (one, (arm, strength)) in truth.iter().enumerate() {
                for (two, (other, against)) in truth.iter().enumerate().skip(one + 1) {
                    let chance = 1.0 / (1.0 + f64::exp(against - strength));
                    let won = Noise::new(5, &[]).at(step, (4 * one + two) as u64).uniform(0) < chance;
                    let choice = if won { Choice::A } else { Choice::B };
                    said.push(judgement("ann", &format!("p{step}"), arm, other, choice));
                }
            }
        }
        let higher = |arm: &str| truth.iter().find(|(name, _)| *name == arm).unwrap().1;
        let measure: BTreeMap<String, f64> = truth.iter().map(|(arm, strength)| ((*arm).to_owned(), -strength)).collect();
        let few: BTreeMap<String, f64> = [("a".to_owned(), 1.0), ("e".to_owned(), 2.0)].into();
        let measures = [("surprisal".to_owned(), measure), ("other".to_owned(), few)].into();
        let outcome = Outcome::of(&[("file".to_owned(), said)], &measures, 1);
        assert_eq!(outcome.arms.iter().map(|arm| arm.arm.as_str()).collect::<String>(), "abcd");
        for arm in &outcome.arms {
            let (interval, truth) = (arm.strength_interval.unwrap(), higher(&arm.arm));
            assert!(!interval.is_above(truth) && !interval.is_below(truth), "{arm:?}");
            assert!((arm.strength.unwrap() - higher(&arm.arm)).abs() < 0.5, "{arm:?}");
        }
        let first = &outcome.duels[0];
        assert!(first.lead_interval.unwrap().low < first.lead.number().unwrap());
        let [other, surprisal] = &outcome.measure_agreement[..] else { panic!("{outcome:?}") };
        assert_eq!((surprisal.kendall, surprisal.spearman, surprisal.arms), (Some(-1.0), Some(-1.0), 4));
        assert!(surprisal.kendall_interval.unwrap().low >= -1.0);
        assert_eq!((other.arms, other.kendall, other.kendall_interval), (1, None, None));
    }
}
