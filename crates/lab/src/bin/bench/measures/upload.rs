//! Measure 7: what it costs to throw an upload away.

use crate::cpu;
use crate::machine;
use crate::measure::{Measure, absolutes};
use crate::measurement::{Figure, Goal, Measurement};
use crate::nginx::Nginx;
use crate::number::number;
use crate::ratio::{Spread, alternate, arm, ratios};
use crate::testbed::{Testbed, result, sockets};
use shim_tests::installed::find;
use shim_tests::proc::wait_until;
use shim_tests::program::Program;
use shim_tests::scratch::Scratch;
use shim_tests::shim::Shim;
use shim_tests::victim::Victim;

/// Mebibytes that are thrown away in a run.
const MIB: u64 = 2048;

/// A run takes seconds, and processor time is less noisy than the clock.
const ROUNDS: usize = 7;

/// No bounds: the upload has its own end.
const NO_BOUNDS: [(&str, &str); 3] =
    [("SOFTCLOSE_TIMEOUT", "0"), ("SOFTCLOSE_IDLE", "0"), ("SOFTCLOSE_MAX_BYTES", "0")];

/// The names of the arms, in the order that is used everywhere below.
const ARMS: [&str; 4] = [
    "softclose under nginx, `lingering_close off`",
    "nginx, `lingering_close always`",
    "httpd, event",
    "a bare loop of `recv(MSG_TRUNC)`",
];

const HTTPD: &str = r#"
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
ServerName localhost
User www-data
Group www-data
Listen 127.0.0.1:{port}
PidFile {dir}/apache.pid
DefaultRuntimeDir {dir}
ErrorLog {dir}/error.log
StartServers 1
ThreadsPerChild 4
ServerLimit 1
MaxRequestWorkers 4
DocumentRoot {dir}
KeepAlive Off
Redirect 413 /
"#;

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "upload",
    title: "An upload that nobody wants",
    about: "A client asks for a small page, and then sends 2 GiB that the request did not announce. nginx itself reads a body that the \
request did announce, whatever `lingering_close` says (`ngx_http_discard_request_body`). So this is an upload that only a lingering \
close throws away. The cost is the processor time of all processes and threads of the server, for each GiB that the client could send. \
nginx and softclose have no limit of time and size here; httpd has its own limit of 30 s. *The floor* is a C program that throws the \
same bytes away in the kernel.",
    run,
};

fn run(rounds: usize) -> Result<Measurement, String> {
    let testbed = Testbed::open()?;
    let softclose = Nginx::start(&testbed, 8081, "off", Shim::Preloaded, &NO_BOUNDS)?;
    let nginx = Nginx::start(&testbed, 8082, "always", Shim::Native, &[])?;
    let httpd = Httpd::start(&testbed, 8083);
    let mut floor = testbed.server(&Victim::c("bench_floor"), Shim::Native);
    let floor_port = floor.port();
    let mut servers = vec![(ARMS[0], softclose.master(), 8081), (ARMS[1], nginx.master(), 8082)];
    servers.extend(httpd.as_ref().map(|httpd| (ARMS[2], httpd.program.pid(), 8083)));
    servers.push((ARMS[3], floor.pid(), floor_port));
    let testbed = &testbed;
    let arms = servers.iter().map(|&(_, pid, port)| arm(move || a_gib(testbed, pid, port))).collect();
    let found = alternate(rounds.min(ROUNDS), arms);
    let last = servers.len() - 1;
    let bare = |arm: usize| format!("{} ms/GiB", number(Spread::of(&found[arm]).median));
    let against = |what: &str, arm: usize| {
        Figure::ratio(format!("upload, CPU per GiB: {what}"), bare(arm), ratios(&found[0], &found[arm]))
    };
    let mut figures = vec![against("against nginx's lingering", 1).must(Goal::AtMost(0.5))];
    if httpd.is_some() {
        figures.push(against("against httpd's lingering", 2));
    }
    figures.push(against("against the floor", last).aims_at(Goal::AtMost(1.2)));
    let named: Vec<_> = servers.iter().zip(&found).map(|((name, ..), points)| (*name, points.as_slice())).collect();
    let versions = machine::versions(&[("nginx", &["-v"]), ("apache2", &["-v"])]);
    let tables = vec![absolutes(&format!("Milliseconds of processor time per GiB. {versions}."), &named)];
    Ok(Measurement { figures, tables, ..Measurement::default() })
}

/// The milliseconds of processor time that the server needs to throw a GiB away.
fn a_gib(testbed: &Testbed, pid: u32, port: u16) -> f64 {
    let (before, open) = (cpu::of_family(pid), sockets(pid));
    let mut client = testbed.client(&Victim::c("bench_upload").arg(port.to_string()).arg(MIB.to_string()));
    let sent = result(&mut client)[0];
    assert!(sent >= (MIB << 20) as f64 * 0.5, "the server on port {port} broke off after {sent} bytes");
    client.finish();
    wait_until("the server has let go", || sockets(pid) <= open);
    let spent = cpu::of_family(pid) - before;
    spent.as_secs_f64() * 1e3 / (sent / f64::from(1 << 30))
}

/// Apache httpd, where there is one.
struct Httpd {
    program: Program,
    _directory: Scratch,
}

impl Httpd {
    fn start(testbed: &Testbed, port: u16) -> Option<Self> {
        let path = find("apache2")?;
        let directory = Scratch::directory();
        let dir = directory.path().to_string_lossy().into_owned();
        let configuration = HTTPD.replace("{dir}", &dir).replace("{port}", &port.to_string());
        let file = directory.file("apache.conf", "644", configuration.as_bytes());
        let victim = Victim::program(path.into()).arg("-d").arg(&dir).arg("-f").arg(file).arg("-D").arg("FOREGROUND");
        let program = testbed.server(&victim, Shim::Native);
        testbed.wait_for_listener(port);
        Some(Self { program, _directory: directory })
    }
}
