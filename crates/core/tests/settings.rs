//! The parser of the settings, with arbitrary environments.

use proptest::option;
use proptest::prelude::*;
use softclose_core::settings::knobs::{KNOBS, Kind, Knob};
use softclose_core::settings::strategy::WORDS;
use softclose_core::settings::value::{MAX_DURATION_MS, duration_ms, size};
use softclose_core::settings::{Origin, Reading, Settings, read};

const DURATIONS: [(&str, u128); 4] = [("ms", 1), ("s", 1000), ("m", 60 * 1000), ("h", 60 * 60 * 1000)];
const SIZES: [(&str, u128); 11] = [
    ("", 1),
    ("B", 1),
    ("K", 1 << 10),
    ("M", 1 << 20),
    ("G", 1 << 30),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
];

/// The values of all variables, in the order of [`KNOBS`].
type Environment = Vec<Option<String>>;

fn read_all(environment: &Environment) -> Reading {
    read(|name| environment[KNOBS.iter().position(|knob| knob.env == name)?].clone())
}

fn settings(environment: &Environment) -> Settings {
    read_all(environment).settings
}

/// Values that a user might write, good and bad ones, and values that no user would write.
fn environments() -> impl Strategy<Value = Environment> {
    KNOBS.iter().map(|knob| option::of(values(knob))).collect::<Vec<_>>()
}

fn values(knob: &Knob) -> impl Strategy<Value = String> + use<> {
    prop_oneof![
        good_values(knob.kind),
        Just(knob.default.to_owned()),
        "[0-9]{0,22}(ms|s|m|h|d|B|KiB|MiB|GiB|KB|M|T)?",
        "[ +-]?[0-9.]{1,6} ?[a-zA-Z]{0,3}",
        any::<String>(),
    ]
}

fn good_values(kind: Kind) -> BoxedStrategy<String> {
    match kind {
        Kind::Flag => "0|1|true|false|yes|no|on|off".boxed(),
        Kind::Duration => "0|[0-9]{1,7}ms|[0-9]{1,4}s|[0-9]{1,3}m|1?[0-9]h".boxed(),
        Kind::Size => "[0-9]{1,9}(B|[KMG](iB|B)?)?".boxed(),
        Kind::Count => "auto|[1-9][0-9]{0,3}".boxed(),
        Kind::Choice(words) => prop::sample::select(words).prop_map(str::to_owned).boxed(),
        Kind::Path => "(/[a-z.]{1,8}){1,3}".boxed(),
        Kind::Rules => prop::collection::vec(rules(), 0..5).prop_map(|rules| rules.join(";")).boxed(),
    }
}

/// Rules that a user might write, most of them good.
fn rules() -> impl Strategy<Value = String> {
    let good = "(accepted|connected|local:[0-9]{1,4}|local:80-443|peer:10[.]0[.]0[.]0/(8|32)|peer:fe80::/10)";
    let several = "(accepted,|connected, )?(local:[1-9][0-9]{0,3})(,peer:192[.]0[.]2[.]1)?";
    let odd = "[a-z]{0,9}(:[0-9a-f:./-]{0,12})?|local:[0-9]{4,6}|peer:10[.]0[.]0[.]0/[0-9]{1,3}| |accepted,,";
    (
        prop_oneof![3 => good, 2 => several, 1 => odd],
        prop_oneof![4 => prop::sample::select(&WORDS).prop_map(str::to_owned), 1 => "[a-z-]{0,6}"],
    )
        .prop_map(|(conditions, strategy)| format!("{conditions}={strategy}"))
}

/// A number of any length, so that numbers near the limits occur as well.
fn numbers() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..64u32).prop_map(|(number, shift)| number >> shift)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_value_is_in_force_or_there_is_one_warning_that_names_it(environment in environments()) {
        let reading = read_all(&environment);
        let mut warnings = reading.warnings.iter().filter(|warning| warning.rule.is_none());
        for ((knob, value), (shown, origin)) in KNOBS.iter().zip(&environment).zip(&reading.shown) {
            if knob.kind == Kind::Rules {
                continue;
            }
            match (value, origin) {
                (Some(value), Origin::Environment) => prop_assert_eq!(shown, value),
                (None, Origin::Default) => prop_assert_eq!(shown, knob.default),
                (None, Origin::Environment) => prop_assert!(false, "{} is not set", knob.env),
                (Some(value), Origin::Default) => {
                    prop_assert_eq!(shown, knob.default);
                    let warning = warnings.next().expect("a warning");
                    prop_assert_eq!((warning.env, &warning.value, warning.used), (knob.env, value, knob.default));
                    let line = warning.to_string();
                    prop_assert!(line.contains(knob.env) && !line.contains('\n'), "{}", line);
                }
            }
        }
        prop_assert!(warnings.next().is_none(), "a warning too many");
    }

    #[test]
    fn a_rule_is_in_force_or_there_is_one_warning_that_names_it(rules in prop::collection::vec(rules(), 0..40)) {
        let text = rules.join(";");
        let reading = read(|name| (name == "SOFTCLOSE_RULES").then(|| text.clone()));
        let named: Vec<_> = reading.warnings.iter().map(|warning| warning.rule.clone().expect("a rule").0).collect();
        let places = 1..=rules.len();
        let kept: Vec<_> = places.filter(|place| !named.contains(place)).map(|place| rules[place - 1].trim()).collect();
        prop_assert!(named.is_sorted() && kept.len() <= 32);
        for warning in &reading.warnings {
            let line = warning.to_string();
            let (place, rule) = warning.rule.as_ref().expect("a rule");
            prop_assert_eq!(rule.as_str(), rules[place - 1].trim());
            prop_assert!(rule.contains(&warning.value), "{:?} is no part of {:?}", warning.value, rule);
            prop_assert!(line.contains("SOFTCLOSE_RULES") && !line.contains('\n'), "{}", line);
        }
        let again = read(|name| (name == "SOFTCLOSE_RULES").then(|| kept.join(";")));
        prop_assert!(again.warnings.is_empty(), "{:?}", again.warnings);
        prop_assert_eq!(again.settings, reading.settings);
    }

    #[test]
    fn any_text_is_rules_or_refused_by_name(text in any::<String>()) {
        let reading = read(|name| (name == "SOFTCLOSE_RULES").then(|| text.clone()));
        let pieces = text.split(';').filter(|piece| !piece.trim().is_empty()).count();
        prop_assert!(reading.warnings.len() <= pieces && reading.warnings.iter().all(|warning| warning.rule.is_some()));
    }

    #[test]
    fn a_bad_value_has_the_effect_of_none(environment in environments()) {
        let origins = read_all(&environment).shown.into_iter().map(|(_, origin)| origin);
        let good = environment.iter().cloned().zip(origins);
        let good = good.map(|(value, origin)| value.filter(|_| origin == Origin::Environment)).collect();
        prop_assert_eq!(settings(&environment), settings(&good));
    }

    #[test]
    fn the_shown_values_are_read_as_the_same_settings(environment in environments()) {
        let reading = read_all(&environment);
        let again = read_all(&reading.shown.into_iter().map(|(value, _)| Some(value)).collect());
        prop_assert!(again.warnings.is_empty(), "{:?}", again.warnings);
        prop_assert_eq!(again.settings, reading.settings);
    }

    #[test]
    fn a_duration_is_exact_and_at_most_a_day(number in numbers(), (unit, scale) in prop::sample::select(&DURATIONS)) {
        let ms = u128::from(number) * scale;
        let expected = (ms <= u128::from(MAX_DURATION_MS)).then_some(ms as u32);
        prop_assert_eq!(duration_ms(&format!("{number}{unit}")), expected);
        if let Some(ms) = expected {
            prop_assert_eq!(duration_ms(&format!("{ms}ms")), Some(ms));
        }
    }

    #[test]
    fn a_size_is_exact_or_refused(number in numbers(), (unit, scale) in prop::sample::select(&SIZES)) {
        let expected = u64::try_from(u128::from(number) * scale).ok();
        prop_assert_eq!(size(&format!("{number}{unit}")), expected);
        if let Some(bytes) = expected {
            prop_assert_eq!(size(&bytes.to_string()), Some(bytes));
        }
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        // A text that is not refused begins with a digit.
        let is_number = text.starts_with(|first: char| first.is_ascii_digit());
        prop_assert!(is_number || (duration_ms(&text), size(&text)) == (None, None));
    }
}

#[test]
fn the_written_defaults_are_the_defaults() {
    let nothing = read(|_| None::<String>);
    let everything = read_all(&KNOBS.iter().map(|knob| Some(knob.default.to_owned())).collect());
    assert!(everything.warnings.is_empty());
    assert_eq!(everything.settings, nothing.settings);
}
