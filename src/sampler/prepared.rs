//! Stages made ready for one step of one story, and run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::binding::Binding;
use super::chain::Pick;
use super::draw::{Removed, TopTokenTrace};
use super::history::History;
use super::stages::{Apply, DynamicTemperature, Feedback, MinP, Penalties, Role, Stage, TopK};
use crate::model::Vocabulary;
use crate::prob::{Candidates, Place, Probability, StepNoise, Temperature, Token};

/// What a stage does at this step: whatever it reads of the story has been read, and its coins have fallen.
#[derive(Debug, Clone)]
pub(super) struct PreparedStage {
    stage: &'static str,
    /// The value of a cut that moves.
    value: Option<f64>,
    op: StageOp,
}

/// An operation on the candidates. Those that a short way through a row must know by sight have names of their own.
#[derive(Debug, Clone)]
pub(crate) enum StageOp {
    /// Takes from the logits of certain tokens.
    Penalise(Vec<(Token, f64)>),
    /// Changes the logits of tokens that were said so often.
    Punish(Penalties, BTreeMap<Token, usize>),
    /// Removes certain tokens, in ascending order.
    Ban(Vec<Token>),
    TopK(TopK),
    MinP(MinP<Probability>),
    Temperature(Temperature),
    DynamicTemperature(DynamicTemperature),
    /// Anything else that looks at all of the candidates.
    Whole(Arc<dyn Apply>),
    /// The same, and must know what it found once the token is drawn.
    Feedback(Arc<dyn Feedback>),
}

impl StageOp {
    /// An operation that looks at all of the candidates.
    pub fn whole(op: impl Apply + 'static) -> Self {
        Self::Whole(Arc::new(op))
    }
}

/// The step for which stages are made ready.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub history: &'a History,
    pub place: &'a Place<'a>,
    pub vocabulary: &'a Vocabulary,
    pub bound: &'a Binding,
    /// The coins of this step: number 0 is that of the first stage that throws one, wherever it stands.
    pub coins: StepNoise,
    pub thrown: Token,
}

impl Scene<'_> {
    /// These stages made ready, `future` left out: it is no operation but a lookahead.
    pub(super) fn prepare(&mut self, stages: &[Stage]) -> Vec<PreparedStage> {
        let prepare = |stage: &Stage| {
            let cuts = stage.schedule().filter(|_| stage.role() == Role::Cut);
            let value = cuts.and_then(|schedule| schedule.moved(self.place));
            Some(PreparedStage { stage: stage.name(), value, op: stage.prepare(self)? })
        };
        stages.iter().filter_map(prepare).collect()
    }

    /// Throws the next coin: whether it falls so, with this probability.
    pub fn throw(&mut self, probability: f64) -> bool {
        let falls = self.coins.uniform(self.thrown) < probability;
        self.thrown += 1;
        falls
    }
}

impl PreparedStage {
    /// An operation as the stage of this name does it.
    pub fn of(stage: &'static str, op: StageOp) -> Self {
        Self { stage, value: None, op }
    }

    pub fn op(&self) -> &StageOp {
        &self.op
    }

    pub fn run(&self, candidates: &mut Candidates) {
        match &self.op {
            StageOp::Penalise(penalties) => candidates.penalise(penalties.iter().copied()),
            StageOp::Punish(penalties, counts) => penalties.punish(candidates, counts),
            StageOp::Ban(banned) => candidates.retain(|token| banned.binary_search(&token).is_err()),
            StageOp::TopK(top_k) => top_k.apply(candidates),
            StageOp::MinP(min_p) => min_p.apply(candidates),
            StageOp::Temperature(t) => candidates.temperature(*t),
            StageOp::DynamicTemperature(t) => t.apply(candidates),
            StageOp::Whole(op) => op.apply(candidates),
            StageOp::Feedback(op) => op.apply(candidates),
        }
    }

    /// Its feedback, if it has one.
    fn feedback(&self) -> Option<&dyn Feedback> {
        match &self.op {
            StageOp::Feedback(op) => Some(op.as_ref()),
            _ => None,
        }
    }

    /// Whether it has feedback: it must know what it found once the token is drawn.
    pub fn has_feedback(&self) -> bool {
        self.feedback().is_some()
    }

    /// Whether what it is to remember is about what it found, and no longer to be seen in what it left.
    pub fn looks_back(&self) -> bool {
        self.feedback().is_some_and(Feedback::looks_back)
    }

    /// What is to be remembered after the draw of a token: `found` is what it found if it looks back, `left` what it left.
    pub fn follow(&self, found: Option<&Candidates>, left: &Candidates, token: Token) -> Option<f64> {
        self.feedback()?.follow(found, left, token)
    }

    /// The tokens whose chances it changes one by one, in ascending order; `None` for one that looks at all of them.
    pub fn touches(&self) -> Option<Vec<Token>> {
        match &self.op {
            StageOp::Penalise(penalties) => Some(penalties.iter().map(|(token, _)| *token).collect()),
            StageOp::Punish(_, counts) => Some(counts.keys().copied().collect()),
            StageOp::Ban(banned) => Some(banned.clone()),
            _ => None,
        }
    }
}

/// The names of stages that remove nothing, as [`run`] tells of them.
pub(super) fn idle(stages: &[PreparedStage]) -> Vec<Removed> {
    let idle = |one: &PreparedStage| Removed { stage: one.stage, count: 0, likeliest: Vec::new(), value: one.value };
    stages.iter().map(idle).collect()
}

/// Runs the stages in their order and tells what each removed; `watched` are the tokens whose fate is told by name.
pub(super) fn run(stages: &[PreparedStage], candidates: &mut Candidates, watched: &[TopTokenTrace]) -> Vec<Removed> {
    let run_one = |one: &PreparedStage| {
        let removed = removing(one.stage, candidates, watched, |candidates| one.run(candidates));
        Removed { value: one.value, ..removed }
    };
    stages.iter().map(run_one).collect()
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
    Removed { stage, count: before - candidates.len(), likeliest, value: None }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    /// What a stage does after this text, at this step.
    fn op(stage: &str, text: &[Token], step: usize) -> StageOp {
        let vocabulary = Vocabulary::new(["a", " b", "c"].map(|piece| (piece, Kind::Text)));
        let stage: Stage = toml::from_str(stage).unwrap();
        let bound = Binding::of(&super::super::Chain::new(vec![stage.clone()]).unwrap(), &vocabulary);
        let coins = crate::prob::Noise::new(1, &[]).at(step, 1);
        let history = &History::of_prompt(text);
        let mut scene = Scene { history, place: &Place::default(), vocabulary: &vocabulary, bound: &bound, coins, thrown: 0 };
        stage.prepare(&mut scene).unwrap()
    }

    fn penalties(op: StageOp) -> Vec<(Token, f64)> {
        if let StageOp::Penalise(penalties) = op { penalties } else { panic!("{op:?}") }
    }

    #[test]
    fn words_become_tokens_and_a_bias_is_a_penalty_turned_round() {
        assert!(matches!(op("ban = ['b', 'a']", &[], 0), StageOp::Ban(tokens) if tokens == [0, 1]));
        assert_eq!(penalties(op("bias = { b = -2, c = 1 }", &[], 0)), [(1, 2.0), (2, -1.0)]);
    }

    /// What a stage does behind a text of these pieces, and what each of them is.
    fn op_behind(stage: &str, text: &[(&str, Kind)]) -> StageOp {
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
        stage.prepare(&mut scene).unwrap()
    }

    #[test]
    fn what_ends_a_text_and_the_marks_of_a_template_are_neither_repeated_nor_said() {
        // "<user> a lamp. <end> <user> a lamp." as a template writes turns: the end would go on with a repetition.
        let (user, end) = (("<user>", Kind::Control), ("<end>", Kind::End));
        let turn = [user, (" a", Kind::Text), (" lamp", Kind::Text), (".", Kind::Text)];
        let text = [&turn[..], &[end], &turn].concat();
        // Sorted: " a", " lamp", ".", "<end>", "<user>".
        assert_eq!(penalties(op_behind("dry = { multiplier = 1, at = 'token' }", &text)), []);
        assert_eq!(penalties(op_behind("dry = { multiplier = 1 }", &text)), []);
        let StageOp::Punish(_, counts) = op_behind("penalties = { repeat = 2 }", &text) else { panic!() };
        assert_eq!(counts, [(0, 2), (1, 2), (2, 2)].into());
        // What came before a mark of the template is no beginning of a match behind it.
        let across = [&turn[2..], &[user], &turn[2..], &[user]].concat();
        assert_eq!(penalties(op_behind("dry = { multiplier = 1, allowed-length = 1, at = 'token' }", &across)), []);
    }

    #[test]
    fn a_name_of_several_tokens_is_said_again_whole() {
        let text = |tail: &[&'static str]| -> Vec<(&'static str, Kind)> {
            let said = ["The", " light", "house", " keeper", ".", " The"];
            said.iter().chain(tail).map(|&piece| (piece, Kind::Text)).collect()
        };
        let penalties = |at: &str, tail: &[&'static str]| {
            let stage = format!("dry = {{ multiplier = 1, base = 2, allowed-length = 1, at = '{at}' }}");
            penalties(op_behind(&stage, &text(tail)))
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
            let falls = |step: &usize| {
                let mut three = Candidates::of(&[1.0, 1.0, 1.0], |_| true).unwrap();
                PreparedStage::of("", op(&stage, &[], *step)).run(&mut three);
                three.len() == 1
            };
            (0..10_000).filter(falls).count()
        };
        assert_eq!((falls("0"), falls("1")), (0, 10_000));
        // Of 10⁴ coins at 0.3 the deviation is 46: five of them are missed by chance once in a million.
        assert!(falls("0.3").abs_diff(3_000) < 230);
    }

    #[test]
    fn what_steers_begins_from_its_own_beginning() {
        let begun = |stage: &str| format!("{:?}", op(stage, &[], 0));
        assert!(begun("mirostat = { tau = 4 }").ends_with(", 8.0))"), "{}", begun("mirostat = { tau = 4 }"));
        assert!(begun("adaptive-p = { target = 0.4 }").ends_with(", 0.4))"));
    }
}
