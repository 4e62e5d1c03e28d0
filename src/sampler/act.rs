//! Stages made ready for one moment of one story, and run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::binding::Binding;
use super::chain::{Pick, Stage};
use super::draw::{Removed, TopTokenTrace};
use super::history::History;
use crate::model::{Kind, Vocabulary};
use crate::prob::{AdaptiveP, DynamicTemperature, Mirostat, OpenWord, Penalties, Place, Probability, Sigmas, StepNoise};
use crate::prob::{Candidates, Temperature, Token};

/// What a stage does at this moment: whatever it reads of the story has been read, and its coins have fallen.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Act {
    stage: &'static str,
    does: Does,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Does {
    Penalise(Vec<(Token, f64)>),
    Punish(Penalties, BTreeMap<Token, usize>),
    Ban(Vec<Token>),
    TopNSigma(Sigmas),
    TopK(usize),
    Typical(Probability),
    TopP(Probability),
    MinP(Probability),
    TopH(Probability),
    /// The threshold where the coin has fallen so, and what is protected.
    Xtc(Option<Probability>, Arc<[Token]>),
    Temperature(Temperature),
    DynamicTemperature(DynamicTemperature),
    Mirostat(Mirostat, f64),
    AdaptiveP(AdaptiveP, f64),
}

/// The moment for which acts are made.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub history: &'a History,
    pub place: &'a Place<'a>,
    pub vocabulary: &'a Vocabulary,
    pub bound: &'a Binding,
    /// The coins of this step: number 0 is that of the first stage that throws one, wherever it stands.
    pub coins: StepNoise,
    pub thrown: Token,
}

impl Scene<'_> {
    /// The acts of these stages, `future` left out: it is no act but a lookahead.
    pub fn acts(&mut self, stages: &[Stage]) -> Vec<Act> {
        stages.iter().filter_map(|stage| Some(Act { stage: stage.name(), does: self.does(stage)? })).collect()
    }

    fn does(&mut self, stage: &Stage) -> Option<Does> {
        let Self { history, place, vocabulary, bound, coins, thrown } = self;
        Some(match stage {
            Stage::Bias(biases) => {
                let penalties = biases.iter().flat_map(|(text, bias)| {
                    let penalty = -bias.get();
                    bound.tokens(text).iter().map(move |&token| (token, penalty))
                });
                Does::Penalise(penalties.collect())
            }
            Stage::Ban(texts) => {
                let mut tokens: Vec<Token> = texts.iter().flat_map(|text| bound.tokens(text)).copied().collect();
                tokens.sort_unstable();
                Does::Ban(tokens)
            }
            // A chat template ends every turn with the token that is to end the answer: that nobody has said, and nobody repeats.
            Stage::Penalties(penalties) => {
                let said = |token| vocabulary.kind(token) == Kind::Text;
                Does::Punish(*penalties, penalties.counts(history.text(), said))
            }
            Stage::Dry(dry) => {
                let breakers: Vec<&[u8]> = dry.breakers.iter().map(String::as_bytes).filter(|b| !b.is_empty()).collect();
                let breaks = |token| {
                    vocabulary.kind(token) != Kind::Text
                        || breakers.iter().any(|breaker| holds(vocabulary.piece(token), breaker))
                };
                let word = OpenWord {
                    length: vocabulary.open_word(history.text()),
                    continues: |token| vocabulary.continues_word(token),
                };
                Does::Penalise(dry.penalties(history.text(), breaks, &word).into_iter().collect())
            }
            Stage::TopNSigma(n) => Does::TopNSigma(*n),
            Stage::TopK(k) => Does::TopK(k.get()),
            Stage::Typical(mass) => Does::Typical(*mass),
            Stage::TopP(p) => Does::TopP(*p),
            Stage::MinP(share) => Does::MinP(*share),
            Stage::TopH(share) => Does::TopH(*share),
            Stage::Xtc(xtc) => {
                let falls = coins.uniform(*thrown) < xtc.probability.get();
                *thrown += 1;
                Does::Xtc(falls.then_some(xtc.threshold), bound.protected().clone())
            }
            Stage::Temperature(t) => Does::Temperature(t.at(place)),
            Stage::DynamicTemperature(t) => Does::DynamicTemperature(*t),
            Stage::Mirostat(mirostat) => Does::Mirostat(*mirostat, history.feedback().unwrap_or_else(|| mirostat.begin())),
            Stage::AdaptiveP(adaptive) => Does::AdaptiveP(*adaptive, history.feedback().unwrap_or_else(|| adaptive.begin())),
            Stage::Future(_) => return None,
        })
    }
}

impl Act {
    /// An act without a name.
    #[cfg(test)]
    pub fn of(does: Does) -> Self {
        Self { stage: "", does }
    }

    pub fn does(&self) -> &Does {
        &self.does
    }

    pub fn run(&self, candidates: &mut Candidates) {
        match &self.does {
            Does::Penalise(penalties) => candidates.penalise(penalties.iter().copied()),
            Does::Punish(penalties, counts) => candidates.punish(penalties, counts),
            Does::Ban(banned) => candidates.retain(|token| banned.binary_search(&token).is_err()),
            Does::TopNSigma(n) => candidates.top_n_sigma(*n),
            Does::TopK(k) => candidates.top_k(*k),
            Does::Typical(mass) => candidates.typical(*mass),
            Does::TopP(p) => candidates.top_p(*p),
            Does::MinP(share) => candidates.min_p(*share),
            Does::TopH(share) => candidates.top_h(*share),
            Does::Xtc(None, _) => {}
            Does::Xtc(Some(threshold), protected) => {
                candidates.exclude_top_choices(*threshold, |token| protected.binary_search(&token).is_ok());
            }
            Does::Temperature(t) => candidates.temperature(*t),
            Does::DynamicTemperature(t) => candidates.temperature(t.of(candidates)),
            Does::Mirostat(mirostat, mu) => mirostat.cut(candidates, *mu),
            Does::AdaptiveP(adaptive, average) => adaptive.weigh(candidates, *average),
        }
    }

    /// Whether it has feedback: it must know what it found once the token is drawn.
    pub fn has_feedback(&self) -> bool {
        matches!(self.does, Does::Mirostat(..) | Does::AdaptiveP(..))
    }

    /// Whether what it is to remember is about what it found, and no longer to be seen in what it left.
    pub fn looks_back(&self) -> bool {
        matches!(self.does, Does::AdaptiveP(..))
    }

    /// What is to be remembered after the draw of a token: `found` is what the act found if it looks back, `left` what it left.
    pub fn follow(&self, found: Option<&Candidates>, left: &Candidates, token: Token) -> Option<f64> {
        match &self.does {
            Does::Mirostat(mirostat, mu) => Some(mirostat.follow(*mu, left.log_p(token)?)),
            Does::AdaptiveP(adaptive, average) => Some(adaptive.follow(*average, found?.log_p(token)?)),
            _ => None,
        }
    }

    /// The tokens whose chances it changes one by one, in ascending order; `None` for one that looks at all of them.
    pub fn touches(&self) -> Option<Vec<Token>> {
        match &self.does {
            Does::Penalise(penalties) => Some(penalties.iter().map(|(token, _)| *token).collect()),
            Does::Punish(_, counts) => Some(counts.keys().copied().collect()),
            Does::Ban(banned) => Some(banned.clone()),
            _ => None,
        }
    }
}

/// The names of acts that remove nothing, as [`run`] tells of them.
pub(super) fn idle(acts: &[Act]) -> Vec<Removed> {
    acts.iter().map(|act| Removed { stage: act.stage, count: 0, likeliest: Vec::new() }).collect()
}

/// Runs the acts in their order and tells what each removed; `watched` are the tokens whose fate is told by name.
pub(super) fn run(acts: &[Act], candidates: &mut Candidates, watched: &[TopTokenTrace]) -> Vec<Removed> {
    let run_one = |act: &Act| removing(act.stage, candidates, watched, |candidates| act.run(candidates));
    acts.iter().map(run_one).collect()
}

/// Does one thing to the candidates and tells what it removed.
pub(super) fn removing(
    stage: &'static str,
    candidates: &mut Candidates,
    watched: &[TopTokenTrace],
    does: impl FnOnce(&mut Candidates),
) -> Removed {
    let before = candidates.len();
    let standing: Vec<TopTokenTrace> = watched.iter().copied().filter(|one| candidates.holds(one.token)).collect();
    does(candidates);
    let likeliest = standing.into_iter().filter(|one| !candidates.holds(one.token)).collect();
    Removed { stage, count: before - candidates.len(), likeliest }
}

/// Picks one of the candidates.
pub(super) fn pick(pick: Pick, candidates: &Candidates, noise: StepNoise) -> Token {
    let likeliest = || candidates.likeliest().token;
    match pick {
        Pick::Argmax => likeliest(),
        // Every logit is finite, so there always is a largest.
        Pick::Sample => noise.largest(candidates.iter().map(|s| (s.token, s.logit))).unwrap_or_else(likeliest),
    }
}

fn holds(piece: &[u8], part: &[u8]) -> bool {
    piece.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scene of this text in which number `thrown` is the next coin.
    fn does(stage: &str, text: &[Token], step: usize) -> Does {
        let vocabulary = Vocabulary::new(["a", " b", "c"].map(|piece| (piece, crate::model::Kind::Text)));
        let stage: Stage = toml::from_str(stage).unwrap();
        let bound = Binding::of(&super::super::Chain::new(vec![stage.clone()]).unwrap(), &vocabulary);
        let coins = crate::prob::Noise::new(1, &[]).at(step, 1);
        let history = &History::of_prompt(text);
        Scene { history, place: &Place::default(), vocabulary: &vocabulary, bound: &bound, coins, thrown: 0 }
            .does(&stage)
            .unwrap()
    }

    #[test]
    fn words_become_tokens_and_a_bias_is_a_penalty_turned_round() {
        assert_eq!(does("ban = ['b', 'a']", &[], 0), Does::Ban(vec![0, 1]));
        assert_eq!(does("bias = { b = -2, c = 1 }", &[], 0), Does::Penalise(vec![(1, 2.0), (2, -1.0)]));
    }

    /// What a stage does behind a text of these pieces, and what each of them is.
    fn does_behind(stage: &str, text: &[(&str, Kind)]) -> Does {
        let mut pieces = text.to_vec();
        pieces.sort_unstable_by_key(|(piece, _)| *piece);
        pieces.dedup();
        let number = |one: &(&str, Kind)| (0..).zip(&pieces).find(|(_, piece)| *piece == one).unwrap().0;
        let tokens: Vec<Token> = text.iter().map(number).collect();
        let vocabulary = Vocabulary::new(pieces.iter().copied());
        let stage: Stage = toml::from_str(stage).unwrap();
        let chain = super::super::Chain::new(vec![stage.clone()]).unwrap();
        let (bound, history) = (Binding::of(&chain, &vocabulary), History::of_prompt(&tokens));
        let coins = crate::prob::Noise::new(1, &[]).at(0, 1);
        let mut scene =
            Scene { history: &history, place: &Place::default(), vocabulary: &vocabulary, bound: &bound, coins, thrown: 0 };
        scene.does(&stage).unwrap()
    }

    #[test]
    fn what_ends_a_text_and_the_marks_of_a_template_are_neither_repeated_nor_said() {
        // "<user> a lamp. <end> <user> a lamp." as a template writes turns: the end would go on with a repetition.
        let (user, end) = (("<user>", Kind::Control), ("<end>", Kind::End));
        let turn = [user, (" a", Kind::Text), (" lamp", Kind::Text), (".", Kind::Text)];
        let text = [&turn[..], &[end], &turn].concat();
        // Sorted: " a", " lamp", ".", "<end>", "<user>".
        assert_eq!(does_behind("dry = { multiplier = 1, at = 'token' }", &text), Does::Penalise(vec![]));
        assert_eq!(does_behind("dry = { multiplier = 1 }", &text), Does::Penalise(vec![]));
        let Does::Punish(_, counts) = does_behind("penalties = { repeat = 2 }", &text) else { panic!() };
        assert_eq!(counts, [(0, 2), (1, 2), (2, 2)].into());
        // What came before a mark of the template is no beginning of a match behind it.
        let across = [&turn[2..], &[user], &turn[2..], &[user]].concat();
        assert_eq!(does_behind("dry = { multiplier = 1, allowed-length = 1, at = 'token' }", &across), Does::Penalise(vec![]));
    }

    #[test]
    fn a_name_of_several_tokens_is_said_again_whole() {
        let text = |tail: &[&'static str]| -> Vec<(&'static str, Kind)> {
            let said = ["The", " light", "house", " keeper", ".", " The"];
            said.iter().chain(tail).map(|&piece| (piece, Kind::Text)).collect()
        };
        let penalties = |at: &str, tail: &[&'static str]| match does_behind(
            &format!("dry = {{ multiplier = 1, base = 2, allowed-length = 1, at = '{at}' }}"),
            &text(tail),
        ) {
            Does::Penalise(penalties) => penalties,
            other => panic!("{other:?}"),
        };
        // Sorted: " The", " keeper", " light", ".", "The", "house".
        assert_eq!(penalties("token", &[" light"]), [(5, 1.0)]);
        assert_eq!(penalties("word", &[" light"]), []);
        assert_eq!(penalties("word", &[" light", "house"]), [(1, 2.0)]);
        assert_eq!(penalties("token", &[" light", "house"]), [(1, 2.0)]);
    }

    #[test]
    fn the_coin_of_xtc_falls_as_often_as_it_is_told() {
        let falls = |p: &str| {
            let stage = format!("xtc = {{ probability = {p}, threshold = 0.1 }}");
            (0..10_000).filter(|&step| matches!(does(&stage, &[], step), Does::Xtc(Some(_), _))).count()
        };
        assert_eq!((falls("0"), falls("1")), (0, 10_000));
        // Of 10⁴ coins at 0.3 the deviation is 46: five of them are missed by chance once in a million.
        assert!(falls("0.3").abs_diff(3_000) < 230);
    }

    #[test]
    fn what_steers_begins_from_its_own_beginning() {
        assert!(matches!(does("mirostat = { tau = 4 }", &[], 0), Does::Mirostat(_, 8.0)));
        assert!(matches!(does("adaptive-p = { target = 0.4 }", &[], 0), Does::AdaptiveP(_, 0.4)));
    }
}
