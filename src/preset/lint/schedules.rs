//! What in a schedule does nothing, or is not what its writer wants.

use crate::prob::{Alpha, Band, Cycle, Least, Measure, Place, Schedule, Scheduled, Shape, Steps, Unit};

/// Parts of a turn at which a wave is looked at.
const PARTS: u16 = 3600;

/// What is the matter with a schedule for `what`, as the rest of a sentence that begins with the name of its stage.
pub(super) fn about<Q: Scheduled>(what: &str, schedule: &Schedule<Q>) -> Option<String> {
    match schedule {
        Schedule::Constant(_) => None,
        Schedule::Cycle(shape, cycle) => about_cycle(what, *shape, cycle),
        Schedule::Steps(Steps { values, every: _, unit: _ }) => all_alike(what, "steps", values.get().iter().copied()),
        Schedule::Keyframes(keyframes) => all_alike(what, "keyframes", keyframes.points().iter().map(|(_, value)| *value)),
        Schedule::Band(Band { surprisal, unit, window: _, gain, start }) => {
            let (start, [low, high]) = (start.get(), surprisal.get());
            if *unit == Measure::Entropy && (low > 3.0 || high < 0.3) {
                return Some(format!(
                    "has a band from {low} to {high} entropies: 1 is the model's own voice, and no text stays so far from it"
                ));
            }
            (gain.get() == 0.0).then(|| format!("has a band with a gain of 0, which moves nothing: it is `{what} = {start}`"))
        }
    }
}

fn about_cycle<Q: Scheduled>(what: &str, shape: Shape, cycle: &Cycle<Q>) -> Option<String> {
    let Cycle { period, amplitude, centre, above, below, phase: _, unit, fade_in, fade_out } = cycle;
    let (period, amplitude, centre) = (period.get(), amplitude.get(), centre.get());
    let (name, one) = (name_of(shape), name_of_unit(*unit));
    if amplitude == 0.0 {
        return Some(format!("has a {name} with an amplitude of 0: it is `{what} = {centre}`"));
    }
    if above.get() + below.get() == 0.0 {
        return Some(format!("has a {name} with no swing to either side: it is `{what} = {centre}`"));
    }
    // A square needs two values a turn and no more, and they are its own at a period of 2.
    if period < 2.0 || (period == 2.0 && shape != Shape::Square) {
        return Some(format!(
            "has a {name} with a period of {period}: one value a {one} shows no wave that is shorter than 2 {one}s"
        ));
    }
    if fade_in.get() + fade_out.get() > 1.0 {
        return Some(format!("has a {name} that fades out before it has faded in: its full swing is never reached"));
    }
    let lost = |part: &u16| {
        let wanted = centre + amplitude * cycle.height(shape, f64::from(*part) / f64::from(PARTS));
        // Rounding, as in 0.3 + 0.7, is not a clipped wave.
        (Q::clamped(wanted).get() - wanted).abs() > 1e-9
    };
    let clipped = (0..PARTS).filter(lost).count() as f64 / f64::from(PARTS);
    (clipped > 1e-3).then(|| {
        let [low, high] = [f64::MIN, f64::MAX].map(|end| Q::clamped(end).get());
        let range = if high < f64::MAX { format!("[{low}, {high}]") } else { format!("what is {low} or more") };
        format!("has a {name} that leaves {range}: it is cut off flat for {:.0} % of its time", (100.0 * clipped).max(1.0))
    })
}

/// Whether a cut is loosest where α is highest: over three turns of α their waves run against each other.
pub(super) fn runs_against(alpha: &Schedule<Alpha>, cut: &Schedule<Least>) -> bool {
    let (Schedule::Cycle(_, wave), Schedule::Cycle(..)) = (alpha, cut) else { return false };
    if wave.unit != Unit::Token || cut.unit() != Some(Unit::Token) {
        return false;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some tokens of a wave")]
    let tokens = (3.0 * wave.period.get()).clamp(2.0, 10_000.0) as usize;
    let place = |token| Place { token, fraction: 0.5, ..Place::default() };
    let pairs: Vec<[f64; 2]> = (0..tokens).map(|t| [alpha.at(&place(t)).get(), cut.at(&place(t)).get()]).collect();
    let mean = |of: usize| pairs.iter().map(|pair| pair[of]).sum::<f64>() / pairs.len() as f64;
    let means = [mean(0), mean(1)];
    let apart = |of: usize| pairs.iter().map(|pair| (pair[of] - means[of]).powi(2)).sum::<f64>();
    let together: f64 = pairs.iter().map(|pair| (pair[0] - means[0]) * (pair[1] - means[1])).sum();
    // A correlation that is clearly one: waves of different periods have none.
    together < -0.5 * (apart(0) * apart(1)).sqrt()
}

fn all_alike<Q: Scheduled>(what: &str, name: &str, mut values: impl Iterator<Item = Q>) -> Option<String> {
    let first = values.next()?.get();
    values.all(|value| value.get() == first).then(|| format!("has {name} that are all alike: it is `{what} = {first}`"))
}

/// The name of a shape in a preset.
fn name_of(shape: Shape) -> &'static str {
    match shape {
        Shape::Sine => "wave",
        Shape::Triangle => "triangle",
        Shape::Square => "square",
        Shape::Saw => "saw",
    }
}

fn name_of_unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Token => "token",
        Unit::Sentence => "sentence",
        Unit::Paragraph => "paragraph",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::Temperature;

    fn read<Q: Scheduled>(text: &str) -> Schedule<Q> {
        toml::from_str::<toml::Table>(&format!("x = {text}")).unwrap()["x"].clone().try_into().unwrap()
    }

    fn warning(text: &str) -> String {
        about("alpha", &read::<Alpha>(text)).unwrap_or_default()
    }

    #[test]
    fn a_schedule_that_is_none_or_is_cut_off_is_named() {
        for (schedule, words) in [
            ("{ wave = { period = 60, amplitude = 0, centre = 0.5 } }", "amplitude of 0: it is `alpha = 0.5`"),
            ("{ wave = { period = 60, above = 0, below = 0 } }", "no swing to either side: it is `alpha = 0`"),
            ("{ band = { surprisal = [3.5, 4], unit = 'entropy' } }", "3.5 to 4 entropies: 1 is the model's own voice"),
            ("{ wave = { period = 2 } }", "a period of 2: one value a token"),
            ("{ saw = { period = 2, unit = 'sentence' } }", "shorter than 2 sentences"),
            ("{ square = { period = 1.5 } }", "a period of 1.5"),
            // Above 1/2 a sine is for a third of its turn; so a swing of 2 is cut off for two thirds, above and below.
            ("{ wave = { period = 60, amplitude = 2 } }", "leaves [-1, 1]: it is cut off flat for 67 % of its time"),
            ("{ wave = { period = 60, amplitude = 1, centre = 0.5 } }", "flat for 33 % of its time"),
            ("{ triangle = { period = 60, amplitude = 2 } }", "a triangle that leaves [-1, 1]: it is cut off flat for 50 %"),
            ("{ square = { period = 60, amplitude = 2 } }", "flat for 100 %"),
            ("{ wave = { period = 60, fade-in = 0.7, fade-out = 0.7 } }", "fades out before it has faded in"),
            ("{ steps = { values = [0.5, 0.5], every = 3 } }", "steps that are all alike: it is `alpha = 0.5`"),
            ("{ keyframes = [[0, 0.5]] }", "keyframes that are all alike"),
            ("{ band = { surprisal = [2, 3], gain = 0, start = 0.25 } }", "moves nothing: it is `alpha = 0.25`"),
        ] {
            assert!(warning(schedule).contains(words), "{schedule}: {:?}", warning(schedule));
        }
        assert!(
            about("temperature", &read::<Temperature>("{ wave = { period = 9, amplitude = 2 } }"))
                .unwrap()
                .contains("leaves what is 0 or more: it is cut off flat for 33 %")
        );
    }

    #[test]
    fn a_schedule_that_moves_is_passed_in_silence() {
        for schedule in [
            "0",
            "{ wave = { period = 60, amplitude = 0.7, centre = 0.3 } }",
            "{ square = { period = 2, unit = 'paragraph' } }",
            "{ wave = { period = 60, fade-in = 0.5, fade-out = 0.5 } }",
            "{ steps = { values = [0, 1], every = 3 } }",
            "{ keyframes = [[0, 0], [1, 1]] }",
            "{ band = { surprisal = [2, 3] } }",
        ] {
            assert_eq!(warning(schedule), "", "{schedule}");
        }
    }
}
