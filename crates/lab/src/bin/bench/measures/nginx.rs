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
    title: "A request a connection",
    about: "three nginx with one worker each run side by side, `keepalive_timeout 0`, an answer of 1 KiB, without a log. `wrk -t1 -c64` \
asks one after the other for two seconds. The worker and softclose's thread share the first processor, wrk has the last one. The cost \
of a request is the processor time of all processes and threads of the server, divided by the requests: it does not depend on how \
fast wrk is. Where the server does not use all of its processor, wrk is what limits the rate, and the cost says more.",
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
            against(0, "CPU a request", &cpu, "µs"),
            against(2, "CPU a request", &cpu, "µs"),
        ],
        tables: vec![
            of_all(&rate, &format!("Requests a second. {}.", versions())),
            of_all(&cpu, "Microseconds of processor time a request."),
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
