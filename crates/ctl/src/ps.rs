//! `softclosectl ps`: which processes have softclose loaded.

use crate::human;
use crate::printable;
use crate::survey::{Family, Member, Proof, State, Survey};
use serde_json::{Value, json};
use softclose_core::settings::knobs::KNOBS;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `ASKS`: whom, where its own counts do not tell who else has a connection.
const HEADS: [&str; 9] = ["PID", "UID", "PROGRAM", "VERSION", "UPTIME", "COUNTERS", "HELD", "ASKS", "SETTINGS"];

/// A table for people; what cannot be read comes below it.
pub fn text(survey: &Survey) -> String {
    let living = survey.members.iter().map(|member| row(member, family_of(survey, member)));
    let gone = survey.families.iter().filter(|family| family.state != State::Live).map(gone);
    let rows: Vec<_> = living.chain(gone).collect();
    let unreadable = survey.unreadable.iter().map(|(path, why)| format!("{}: {why}\n", printable::path(path)));
    let hidden = match survey.hidden() {
        0 => String::new(),
        count => format!("processes that may not be looked at: {count}\n"),
    };
    [human::table(&HEADS, &rows)].into_iter().chain(unreadable).chain([hidden]).collect()
}

/// The same for programs.
pub fn json(survey: &Survey) -> Value {
    survey.members.iter().map(|member| entry(member, family_of(survey, member))).collect()
}

fn family_of<'a>(survey: &'a Survey, member: &Member) -> Option<&'a Family> {
    survey.families.iter().find(|family| Some(family.file.id) == member.page)
}

fn row(member: &Member, family: Option<&Family>) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let counters = match (member.page, family) {
        (None, _) => "none".to_owned(),
        (_, None) => "not readable".to_owned(),
        (_, Some(family)) => format!("of {}", family.pid()),
    };
    vec![
        member.pid.to_string(),
        member.user.to_string(),
        member.program.clone(),
        or_dash(family.map(|family| family.reading.version.clone())),
        human::duration(member.uptime),
        counters,
        or_dash(family.map(|family| held_by(family, member).to_string())),
        or_dash(member.proof.map(|proof| proof.name().to_owned())),
        or_dash(family.map(changed_settings)),
    ]
}

fn held_by(family: &Family, member: &Member) -> u32 {
    family.reading.held.iter().filter(|(pid, _)| *pid == member.own_pid).map(|(_, held)| held).sum()
}

/// A page that nobody uses.
fn gone(family: &Family) -> Vec<String> {
    let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let age = age.saturating_sub(Duration::from_secs(family.reading.created));
    vec![
        family.reading.creator.to_string(),
        family.file.user.to_string(),
        family.reading.program.clone(),
        family.reading.version.clone(),
        human::duration(age),
        family.state.name().to_owned(),
        "-".to_owned(),
        "-".to_owned(),
        changed_settings(family),
    ]
}

/// What is not as it is by default.
fn changed_settings(family: &Family) -> String {
    let is_default = |name: &str, value: &str| KNOBS.iter().any(|knob| knob.env == name && knob.default == value);
    let changed = family.reading.settings.iter().filter(|(name, value)| !is_default(name, value));
    let words: Vec<_> = changed.map(|(name, value)| format!("{name}={value}")).collect();
    if words.is_empty() { "defaults".to_owned() } else { words.join(" ") }
}

fn entry(member: &Member, family: Option<&Family>) -> Value {
    json!({
        "pid": member.pid,
        "uid": member.user,
        "program": member.program,
        "uptime_seconds": member.uptime.as_secs(),
        "has_counters": member.page.is_some(),
        "version": family.map(|family| &family.reading.version),
        "family": family.map(Family::pid),
        "held": family.map(|family| held_by(family, member)),
        "asks": member.proof.map(Proof::name),
        "settings": family.map(settings),
    })
}

/// All of them, as an object.
pub fn settings(family: &Family) -> Value {
    family.reading.settings.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect()
}
