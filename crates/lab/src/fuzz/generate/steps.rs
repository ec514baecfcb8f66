//! Single steps, random or given, and scenes made of them.

use crate::fuzz::case::Step;
use crate::fuzz::verb::{ACTORS, Arg, Doer, STREAMS, VARS, VERBS, Verb};
use proptest::option::weighted;
use proptest::prelude::{BoxedStrategy, Just, Strategy, prop_oneof};
use proptest::strategy::Union;

/// The variables that usually have the epoll set, the listener, another set and a pair of unix
/// sockets.
pub const SET: i32 = 8;
pub const LISTENER: i32 = 9;
pub const OTHER_SET: i32 = 7;
pub const PAIR: [i32; 2] = [5, 6];

pub type Scene = BoxedStrategy<Vec<Step>>;

/// A scene of steps that belong together. Now and then one of them is missing.
pub fn together(steps: Vec<BoxedStrategy<Step>>) -> Scene {
    let droppable: Vec<_> = steps.into_iter().map(|step| weighted(0.97, step)).collect();
    droppable.prop_map(|steps| steps.into_iter().flatten().collect()).boxed()
}

/// A step with these arguments. Those that are `None` are random.
pub fn fixed(actor: i32, name: &str, args: Vec<Option<i32>>) -> BoxedStrategy<Step> {
    let verb = Verb::named(name).expect("a verb");
    let given = verb.args.iter().enumerate().map(|(at, arg)| match args.get(at).copied().flatten() {
        Some(value) => Just(value).boxed(),
        None => value_of(*arg),
    });
    of(verb, Just(actor).boxed(), given.collect())
}

pub fn step() -> BoxedStrategy<Step> {
    let row = |verb: &'static Verb| of(verb, actor(verb.name), verb.args.iter().map(|arg| value_of(*arg)).collect());
    let rows = VERBS.iter().filter(|verb| verb.weight != 0).map(|verb| (verb.weight, row(verb)));
    Union::new_weighted(rows.collect()).boxed()
}

pub fn of(verb: &'static Verb, actor: BoxedStrategy<i32>, args: Vec<BoxedStrategy<i32>>) -> BoxedStrategy<Step> {
    (actor, args)
        .prop_map(move |(actor, args)| {
            Step::new(if verb.doer == Doer::Peer { 0 } else { actor as usize }, verb.name, &args)
        })
        .boxed()
}

/// A random actor. The first actor seldom ends, because then most often nobody is left.
pub fn actor(verb: &str) -> BoxedStrategy<i32> {
    let first = if matches!(verb, "end" | "exec") { 1 } else { 6 };
    prop_oneof![first => Just(0), 3 => 1..3_i32, 1 => 3..5_i32].boxed()
}

pub fn value_of(arg: Arg) -> BoxedStrategy<i32> {
    match arg {
        Arg::Any => prop_oneof![8 => 0..4_i32, 2 => 4..VARS as i32].boxed(),
        Arg::Target => (0..5_i32).boxed(),
        Arg::Other => prop_oneof![6 => 5..8_i32, 1 => 0..VARS as i32].boxed(),
        Arg::Set => prop_oneof![9 => Just(SET), 1 => 0..VARS as i32].boxed(),
        Arg::Listener => prop_oneof![19 => Just(LISTENER), 1 => 0..VARS as i32].boxed(),
        Arg::Stream => (0..STREAMS as i32).boxed(),
        Arg::Actor => prop_oneof![4 => 1..3_i32, 2 => 3..5_i32, 1 => 5..ACTORS as i32].boxed(),
        Arg::Link => (0..4_i32).boxed(),
        Arg::Below(most) => (0..most).boxed(),
        Arg::Much => prop_oneof![2 => 1..100_i32, 2 => 4000..70_000_i32, 3 => (1..9_i32).prop_map(|n| n << 17)].boxed(),
        Arg::Little => prop_oneof![2 => 1..100_i32, 2 => 1000..16_000_i32].boxed(),
    }
}
