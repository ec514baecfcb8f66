//! Measures 2 and 3: HTTP with a connection for each request.

use crate::machine;
use crate::measure::{Measure, absolutes, median};
use crate::measurement::{Figure, Goal, Measurement, Table};
use crate::nginx::{Load, Nginx, load};
use crate::ratio::{alternate, arm, figures, ratios};
use crate::testbed::Testbed;
use shim_tests::installed::find;
use shim_tests::shim::Shim;

/// Length of a run of wrk.
const SECONDS: u64 = 2;

/// Name, nginx's own lingering, ours.
const ARMS: [(&str, &str, Shim); 3] = [
    ("bare, `lingering_close off`", "off", Shim::Native),
    ("softclose, `lingering_close off`", "off", Shim::Preloaded),
    ("bare, `lingering_close always`", "always", Shim::Native),
];

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "nginx",
    title: "A request per connection",
    about: "Three nginx servers with one worker each run side by side, with `keepalive_timeout 0`, an answer of 1 KiB, and no log. `wrk -t1 \
-c64` loads one after the other for two seconds. The worker and softclose's thread share the first processor; wrk has the last one. *CPU \
a request* is the processor time of all processes and threads of the server, divided by the requests. It does not depend on the speed of \
wrk. The two kinds of figures belong together: *requests/s* is what clients notice, and *CPU per request* is what softclose costs. Where a \
server does not use all of its processor (the third table below), wrk limits the rate. There a rate above 1 does not mean that softclose \
makes nginx faster, and a higher cost does not lower the rate. On a server whose processor is full, a higher cost does lower it.",
    run,
};

fn run(rounds: usize) -> Result<Measurement, String> {
    find("wrk").ok_or("no wrk")?;
    let testbed = Testbed::open()?;
    let start = |(port, (_, lingering, shim))| Nginx::start(&testbed, port, lingering, shim, &[]);
    let servers = (8081..).zip(ARMS).map(start).collect::<Result<Vec<_>, _>>()?;
    let arms = servers.iter().map(|server| arm(|| load(&testbed, server, SECONDS)));
    let found = alternate(rounds, arms.collect());
    let of = |figure: fn(&Load) -> f64| found.iter().map(|arm| figures(arm, figure)).collect::<Vec<_>>();
    let (rate, cpu, errors) = (of(|load| load.rate), of(|load| load.cpu), of(|load| load.errors));
    Ok(Measurement {
        figures: vec![
            against(0, "requests/s", &rate, "/s").must(Goal::AtLeast(0.98)).aims_at(Goal::AtLeast(1.0)),
            against(2, "requests/s", &rate, "/s").must(Goal::AtLeast(1.0)).aims_at(Goal::AtLeast(1.03)),
            against(0, "CPU per request", &cpu, "µs").must(Goal::AtMost(1.17)).aims_at(Goal::AtMost(1.10)),
            against(2, "CPU per request", &cpu, "µs"),
        ],
        tables: vec![
            of_all(&rate, &format!("Requests per second. {}.", versions())),
            of_all(&cpu, "Microseconds of processor time per request."),
            of_all(&of(|load| load.cpu * load.rate * 1e-4), "Percent of its processor that the server used."),
            of_all(&errors, "Errors that wrk saw in a run: connections that failed."),
        ],
        ..Measurement::default()
    })
}

/// softclose against one of the bare arms.
fn against(bare: usize, what: &str, points: &[Vec<f64>], unit: &str) -> Figure {
    let what = format!("nginx: {what} against {}", ARMS[bare].0);
    Figure::ratio(what, median(&points[bare], unit), ratios(&points[1], &points[bare]))
}

fn of_all(points: &[Vec<f64>], title: &str) -> Table {
    let named: Vec<_> = ARMS.iter().zip(points).map(|((name, ..), points)| (*name, points.as_slice())).collect();
    absolutes(title, &named)
}

fn versions() -> String {
    machine::versions(&[("nginx", &["-v"]), ("wrk", &["-v"])])
}
