//! A chat template is a program of somebody else's: whatever it does, the program that renders it goes on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::support::{Ends, PROGRAM, afterword, err};
use afterword::chat::{Conversation, InProcess, Renderer, Subprocess, Template};
use chrono::NaiveDateTime;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

/// Longer than any template may take on a busy machine.
const LONG: Duration = Duration::from_secs(60);

fn apart() -> Arc<dyn Renderer> {
    stopped_by(|| false)
}

fn stopped_by(stops: fn() -> bool) -> Arc<dyn Renderer> {
    Arc::new(Subprocess::new(PROGRAM.into(), vec!["render-templates".into()], stops))
}

fn asked(request: &str) -> Conversation<'_> {
    Conversation { system: None, request, think: false, bos: "<s>", eos: "</s>", now: NaiveDateTime::default() }
}

/// What becomes of a template, and that it becomes it soon.
fn rendered(source: &str, renderer: &Arc<dyn Renderer>) -> Result<String, String> {
    let started = Instant::now();
    let text = Template::new(source, Arc::clone(renderer)).render(&asked("x"));
    assert!(started.elapsed() < LONG, "{:?}: {source}", started.elapsed());
    text.map_err(|error| format!("{error:#}"))
}

/// The only things that are said of a template which has not made its text.
fn is_a_sentence(reason: &str) -> bool {
    let known = [
        // The engine counts the letters of a line in 16 bits, and a build for tests fails where they are more.
        "the template engine fails on it",
        "it does not come to an end",
        "it is nested too deeply",
        "it asks for more than 1024 MB of memory",
        "it asks for more memory than there is",
        "it writes more than 16 MB",
    ];
    let of_the_template = reason.starts_with('`') && !reason.contains('\n') && reason.chars().count() < 120;
    known.contains(&reason) || of_the_template || reason.starts_with("its source has ")
}

/// Before, what is repeated, and behind.
fn deep(before: &str, one: &str, times: usize, behind: &str) -> String {
    format!("{before}{}{behind}", one.repeat(times))
}

fn nested(open: &str, inside: &str, close: &str, times: usize) -> String {
    format!("{}{inside}{}", open.repeat(times), close.repeat(times))
}

#[test]
fn values_nested_by_a_program_end_in_a_sentence() {
    let renderer = apart();
    let grown = |step: &str, last: &str| {
        format!("{{% set n = namespace(l=[]) %}}{{% for i in range(30000) %}}{{% set n.l = {step} %}}{{% endfor %}}{last}")
    };
    let cycle = |last: &str| format!("{{% set n = namespace() %}}{{% set n.n = n %}}{last}");
    let twice = |last: &str| {
        let step = "{% set n.l=[n.l,n.l] %}{% set n.m=[n.m,n.m] %}";
        format!("{{% set n = namespace(l='x',m='x') %}}{{% for i in range(40) %}}{step}{{% endfor %}}{last}")
    };
    let last = [
        "{{ n.l }}",
        "{{ n.l | tojson }}",
        "{{ n.l | string }}",
        "{{ n.l ~ '' }}",
        "{{ n.l == n.m }}",
        "{{ n.l == n.l }}",
        "{{ n.l < n.m }}",
        "{{ n.l in [n.m] }}",
        "{{ {n.l: 1} }}",
        "{{ {n.l: 1}[n.m] }}",
        "{{ [n.l, n.m] | sort }}",
        "{{ [n.l, n.m] | unique | list }}",
        "{{ [n.l] | join }}",
        "{{ '%s' % (n.l,) }}",
        "{{ '{}'.format(n.l) }}",
        "{{ [n.l].index(n.m) }}",
        "{{ [n.l].count(n.m) }}",
        "{{ n.l | pprint }}",
        "{{ n.l is eq(n.m) }}",
        "{{ raise_exception(n.l | string) }}",
        "{{ dict(a=n.l) }}",
    ];
    let mut sources = vec![
        grown("[n.l]", ""),
        grown("{'a': n.l}", "{{ n.l }}"),
        grown("(n.l, 1)", "{{ n.l | tojson }}"),
        grown("dict(a=n.l)", "{{ n.l == n.l }}"),
        grown("namespace(l=n.l)", "{{ n.l }}"),
        grown("n.l | list | batch(1) | list", "{{ n.l }}"),
        "{{ ('x'*2000000).replace('x','x'*2000000)|length }}".to_owned(),
        "{{ '{:4000000000}'.format(1) | length }}".to_owned(),
        "{{ '%4000000000d' % 1 }}".to_owned(),
        "{{ 'a'.center(4000000000) | length }}".to_owned(),
        "{{ ['a'] * 4000000000 }}".to_owned(),
        "{{ range(4000000000) | list | length }}".to_owned(),
        "{% for i in range(99999999) %}{% endfor %}".to_owned(),
        "{% set n = namespace(l=[]) %}{% for i in range(1000000) %}{% set n.l = n.l + [i] %}{% endfor %}{{ n.l }}".to_owned(),
        "{% set l = ['x'] * 1000000 %}{{ [l, l, l, l, l, l, l, l] | tojson(indent=64) | length }}".to_owned(),
        "{% macro a(x) %}{{ a([x, x]) }}{% endmacro %}{{ a(1) }}".to_owned(),
        "{% for i in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}".to_owned(),
        "{% macro a() %}{% call b() %}{{ caller() }}{% endcall %}{% endmacro %}{% macro b() %}{% call a() %}{% endcall %}{% endmacro %}{{ a() }}".to_owned(),
    ];
    for last in last {
        sources.extend([grown("[n.l]", last), cycle(&last.replace("n.l", "n").replace("n.m", "n.n")), twice(last)]);
    }
    for source in sources {
        if let Err(reason) = rendered(&source, &renderer) {
            assert!(is_a_sentence(&reason), "{reason}: {source}");
        }
    }
    // And the next template is rendered as if nothing had been.
    assert_eq!(rendered("{{ messages[0].content }}", &renderer).unwrap(), "x");
}

#[test]
fn sources_nested_without_measure_end_in_a_sentence() {
    let renderer = apart();
    for times in [1_000, 20_000, 40_000] {
        for source in [
            deep("{{ 1", "+1", times, " }}"),
            deep("{{ 1", "~1", times, " }}"),
            deep("{{ 1", "*1", times, " }}"),
            deep("{{ 1", " or 1", times, " }}"),
            deep("{{ 1", " and 1", times, " }}"),
            deep("{{ 1", "<1", times, " }}"),
            deep("{{ 1", "**1", times, " }}"),
            deep("{{ x", ".x", times, " }}"),
            deep("{{ x", "[0]", times, " }}"),
            deep("{{ x", "()", times, " }}"),
            deep("{{ x", "|e", times, " }}"),
            deep("{{ 1", " is odd", times, " }}"),
            deep("{{ 1", " in x", times, " }}"),
            deep("{{ 1", " if 1", times, " }}"),
            deep("{{ 1", " if 1 else 1", times, " }}"),
            deep("{{ ", "not ", times, "1 }}"),
            deep("{{ ", "-", times, "1 }}"),
            deep("{% if 1 %}", "{% elif 1 %}", times, "{% endif %}"),
            deep("{{ '%s'", " % '%s'", times, " }}"),
            deep("", "{% set a = [a, a] %}", times, "{{ a }}"),
            deep("{% raw %}", "{", times, ""),
            deep("", "{#", times, ""),
            deep("{{ '", "\\'", times, ""),
            nested("{{ ", "1", " }}", times),
            format!("{{{{ {} }}}}", nested("(", "1", ")", times)),
            format!("{{{{ {} }}}}", nested("[", "1", "]", times)),
            format!("{{{{ {} }}}}", nested("{1:", "1", "}", times)),
            format!("{{{{ {} }}}}", nested("a(", "1", ")", times)),
            nested("{% if 1 %}", "x", "{% endif %}", times.min(10_000)),
            nested("{% for i in [1] %}", "x", "{% endfor %}", times.min(7_000)),
            nested("{% with %}", "x", "{% endwith %}", times.min(10_000)),
            nested("{% macro a() %}", "x", "{% endmacro %}", times.min(7_000)),
            nested("{% filter e %}", "x", "{% endfilter %}", times.min(7_000)),
            nested("{% set a %}", "x", "{% endset %}", times.min(10_000)),
        ] {
            if let Err(reason) = rendered(&source, &renderer) {
                assert!(is_a_sentence(&reason), "{reason}: {} … of {}", &source[..20], source.len());
            }
        }
    }
}

#[test]
fn whoever_waits_for_a_template_may_stop_it() {
    static STOPPED: AtomicBool = AtomicBool::new(false);
    let renderer = stopped_by(|| STOPPED.load(Ordering::Relaxed));
    assert_eq!(rendered("a", &renderer).unwrap(), "a");
    STOPPED.store(true, Ordering::Relaxed);
    let step = "{% set n.l=[n.l,n.l] %}{% set n.m=[n.m,n.m] %}";
    let endless =
        format!("{{% set n = namespace(l='x',m='x') %}}{{% for i in range(60) %}}{step}{{% endfor %}}{{{{ n.l == n.m }}}}");
    let started = Instant::now();
    assert_eq!(rendered(&endless, &renderer).unwrap_err(), "it was interrupted");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn a_process_that_cannot_be_had_is_a_sentence_too() {
    let renderer: Arc<dyn Renderer> = Arc::new(Subprocess::new("no/such/program".into(), vec![], || false));
    let reason = rendered("a", &renderer).unwrap_err();
    assert!(reason.starts_with("`no/such/program`, which is to render it, cannot be started"), "{reason}");
    // A program of another kind.
    let renderer: Arc<dyn Renderer> = Arc::new(Subprocess::new(PROGRAM.into(), vec!["--version".into()], || false));
    let reason = rendered("a", &renderer).unwrap_err();
    assert!(reason.starts_with("the process that renders it gives no answer"), "{reason}");
}

#[test]
fn the_process_says_what_it_is_given_and_ends_with_its_input() {
    let output = afterword(["render-templates"]).fed(b"no job\n");
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(err(&output).starts_with("error: this is no template to be rendered"));
    assert!(!afterword(["--help"]).prints().contains("render-templates"), "nobody needs to know of it");
}

/// One of these.
fn one(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(words).prop_map(str::to_owned)
}

/// What is done to an expression `{}`, mostly with one that it suits.
const DEEDS: [&str; 78] = [
    "({})|tojson",
    "({})|tojson(indent=2)",
    "({})|string",
    "({})|e",
    "({})|safe",
    "({})|pprint",
    "({})|default(a)",
    "[{}]|list",
    "[{}, 1]|join",
    "[{}, a]|join(b)",
    "[{}, n.x]|sort",
    "[{}, n.x]|unique|list",
    "[{}, 2]|reverse|list",
    "[{}]|first",
    "[{}]|last",
    "[{}, n.y]|min",
    "[{}, n.y]|max",
    "[{}]|map('string')|list",
    "[{}]|map('tojson')|join",
    "[{}]|select|list",
    "[{}]|length",
    "[{'x': {}}, {'x': n.x}]|groupby('x')",
    "[{'x': {}}, {'x': n.x}]|map(attribute='x')|list",
    "{'k': {}}|dictsort",
    "{'k': {}}|items|list",
    "[{}, 1, 2]|batch(2)|list",
    "[{}, 1, 2]|slice(2)|list",
    "[{}]|chain(b)|list",
    "[{}]|zip(b)|list",
    "[1, {}]|index(a)",
    "({}|string)|replace('x', n.x|string)",
    "({}|string)|indent(99)",
    "({}|string)|upper",
    "({}|string)|title",
    "({}|string)|wordcount",
    "({}|string)|striptags",
    "({}|string)|list",
    "({}|string)|reverse",
    "({}|string)|trim|length",
    "'%s' % ({},)",
    "'%99s|%s'|format({}, a)",
    "({}|string).upper()",
    "({}|string).strip('x')",
    "({}|string).split('x')",
    "({}|string).split()",
    "({}|string).splitlines()",
    "({}|string).join(['a', a|string])",
    "','.join([{}|string, 'x'])",
    "({}|string).replace('x', b|string)",
    "({}|string).replace('', 'xy')",
    "'{} {:>99}'.format({}, 'x')",
    "({}|string).startswith('x')",
    "({}|string).zfill(999)",
    "({}|string).ljust(9999, 'x')",
    "({}|string).partition('x')",
    "({}|string).rsplit('x')",
    "({}|string).count('x')",
    "({}|string).removeprefix('x')",
    "({}|string).center(70)",
    "[{}].count(n.x)",
    "[{}].index(n.x)",
    "{'x': {}}.items()|list",
    "{'x': {}}.get('x')",
    "{'x': {}}['x']",
    "[{}][0]",
    "({}|string)[1:9]",
    "({}|string)[::-1]",
    "({} is iterable)",
    "({} is sequence)",
    "({} is mapping)",
    "({} is eq(n.x))",
    "({} is in([n.y]))",
    "({} is sameas(a))",
    "not ({})",
    "({} if a else n.y)",
    "namespace(x={}, y=n.x)",
    "dict(x={}, y=n.x)",
    "m({}, b)",
];

/// What is done to an expression whatever it is: most of it is refused.
const MISDEEDS: [&str; 28] = [
    "-({})",
    "({})|length",
    "({})|list",
    "({})|sort",
    "({})|sum",
    "({})|int",
    "({})|float",
    "({})|round",
    "({})|abs",
    "({})|join(a)",
    "({})|map('upper')|list",
    "({})|replace(a, b)",
    "({})|batch(0)|list",
    "({})|truncate",
    "({})|filesizeformat",
    "({})|attr('x')",
    "({}).x",
    "({})['x'].y",
    "({})[a:b]",
    "({})()",
    "({}).append(a)",
    "({}).format(a, x=b)",
    "({}).values()",
    "({}).next()",
    "({}) % a",
    "({} is divisibleby(0))",
    "({} is lt(n.x))",
    "range({})|list",
];

/// An expression of the language; names are those that [`statement`] sets.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        40 => one(&["a", "b", "n.x", "n.y", "n", "messages"]),
        30 => one(&["1", "0", "-1", "40", "1.5", "'x'", "'%s'", "'{}'", "'狼 é\\n'", "none", "true", "[]", "{}", "()"]),
        1 => one(&["4000000000", "9223372036854775807", "1e308", "'x' * 100000", "range(100000)", "[1] * 10000", "'{:99999}'", "missing", "i"]),
    ];
    leaf.prop_recursive(5, 24, 4, move |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            6 => two.clone().prop_map(|(a, b)| format!("[{a}, {b}]")),
            2 => (two.clone(), one(&["'k'", "n.x", "1", "a"])).prop_map(|((a, b), key)| format!("{{{key}: {a}, 'l': {b}}}")),
            2 => two.clone().prop_map(|(a, b)| format!("({a}, {b})")),
            6 => (two.clone(), one(&["~", "~", "==", "!=", " and ", " or "])).prop_map(|((a, b), sign)| format!("({a}{sign}{b})")),
            1 => (two.clone(), one(&["<", ">="])).prop_map(|((a, b), sign)| format!("([{a}]{sign}[{b}])")),
            1 => two.clone().prop_map(|(a, b)| format!("({a} in [{b}])")),
            1 => two.prop_map(|(a, b)| format!("([{a}] + [{b}])")),
            12 => (inner.clone(), one(&DEEDS)).prop_map(|(a, deed)| deed.replacen("{}", &a, 1)),
            1 => (inner.clone(), one(&MISDEEDS)).prop_map(|(a, deed)| deed.replacen("{}", &a, 1)),
            1 => (inner.clone(), one(&["+", "-", "*", "/", "//", "**"]), 0..9_u8).prop_map(|(a, sign, b)| format!("({a}{sign}{b})")),
            1 => (inner.clone(), 0..3000_usize).prop_map(|(a, times)| format!("({a}{})", "~1".repeat(times))),
            1 => (inner, 0..140_usize).prop_map(|(a, times)| nested("[", &a, "]", times)),
        ]
    })
}

/// Statements, with loops that let values grow.
fn statement() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        30 => (one(&["a", "b", "n.x", "n.y"]), expression()).prop_map(|(name, value)| format!("{{% set {name} = {value} %}}")),
        20 => one(&["{% set n.x = [n.x, n.x] %}", "{% set n.y = [n.y, n.y] %}", "{% set n.x = [n.x] %}", "{% set n.y = {'x': n.x} %}", "{% set n.x = n.x ~ n.x %}", "{% set a = [a, a] %}"]),
        1 => Just("{% set n.x = n %}".to_owned()),
        30 => expression().prop_map(|value| format!("{{{{ {value} }}}}")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let over = prop_oneof![
            30 => one(&["range(3)", "range(9)", "messages", "[n.x, a]", "[b]", "'xy'"]),
            1 => one(&["range(40)", "range(3000)"]),
        ];
        let body = || proptest::collection::vec(inner.clone(), 1..4).prop_map(|body| body.concat());
        prop_oneof![
            2 => (over, body())
                .prop_map(|(over, body)| format!("{{% for i in {over} %}}{body}{{% endfor %}}")),
            1 => (expression(), body()).prop_map(|(over, body)| format!("{{% for i in [{over}] recursive %}}{body}{{% if i is sequence and i is not string %}}{{{{ loop(i) }}}}{{% endif %}}{{% endfor %}}")),
            1 => (expression(), body(), body()).prop_map(|(test, a, b)| format!("{{% if {test} %}}{a}{{% else %}}{b}{{% endif %}}")),
            1 => body().prop_map(|body| format!("{{% macro m(x, y) %}}{body}{{{{ x }}}}{{{{ caller and caller() }}}}{{% endmacro %}}")),
            1 => body().prop_map(|body| format!("{{% set a %}}{body}{{% endset %}}")),
            1 => body().prop_map(|body| format!("{{% call m(a, b) %}}{body}{{% endcall %}}")),
            1 => body().prop_map(|body| format!("{{% filter upper %}}{body}{{% endfilter %}}")),
        ]
    })
}

/// What all of them begin with.
const START: &str = "{% set n = namespace(x='x', y=[]) %}{% set a = 'x' %}{% set b = 'y' %}\
    {% macro m(x, y) %}{{ x }}{{ caller and caller() }}{% endmacro %}";

/// Renders so many generated templates, each in its time; returns how many came to which end.
fn survived(cases: u32) -> BTreeMap<String, u32> {
    let renderer = apart();
    let counts = std::cell::RefCell::new(BTreeMap::new());
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let templates = proptest::collection::vec(statement(), 1..8);
    let survives = runner.run(&templates, |statements| {
        let source = format!("{START}{}", statements.concat());
        let end = match rendered(&source, &renderer) {
            Ok(_) => "a text".to_owned(),
            Err(reason) if reason.starts_with('`') => "refused".to_owned(),
            Err(reason) => reason,
        };
        let known = ["a text", "refused"].contains(&end.as_str()) || is_a_sentence(&end);
        *counts.borrow_mut().entry(end.clone()).or_insert(0) += 1;
        prop_assert!(known, "{end}: {source}");
        Ok(())
    });
    survives.unwrap();
    assert_eq!(rendered("{{ messages[0].content }}", &renderer).unwrap(), "x");
    counts.into_inner()
}

#[test]
fn generated_templates_end_in_a_text_or_a_sentence() {
    let ends = survived(300);
    assert!(ends["a text"] > 30 && ends["refused"] > 30, "{ends:?}");
}

#[test]
#[ignore = "takes an hour: `cargo test --release --test it template_limits -- --ignored --nocapture`"]
fn a_hundred_thousand_generated_templates_end_in_a_text_or_a_sentence() {
    let workers: Vec<_> = (0..4).map(|_| std::thread::spawn(|| survived(25_000))).collect();
    for worker in workers {
        println!("{:?}", worker.join().unwrap());
    }
}

#[test]
fn a_process_of_its_own_makes_the_same_text_as_this_one() {
    let (here, apart): (Arc<dyn Renderer>, _) = (Arc::new(InProcess), apart());
    for entry in std::fs::read_dir("tests/templates").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "jinja") {
            let source = std::fs::read_to_string(&path).unwrap();
            let request = "  Tell of the sea & a \"wolf\",\u{2028} 狼\0.\n";
            let text = |renderer: &Arc<dyn Renderer>| {
                let conversation = Conversation { system: Some("Be\tbrief."), ..asked(request) };
                Template::new(&source, Arc::clone(renderer)).ask(&conversation, &[]).map_err(|error| format!("{error:#}"))
            };
            assert_eq!(text(&here), text(&apart), "{}", path.display());
        }
    }
}
