//! Starts nginx with one worker, and puts it under load.

use crate::clients::wrk;
use crate::cpu;
use crate::testbed::Testbed;
use shim_tests::installed::find;
use shim_tests::program::Program;
use shim_tests::scratch::Scratch;
use shim_tests::shim::Shim;
use shim_tests::victim::Victim;
use std::time::Duration;

/// Each request is a connection. Clients that are silent may stay.
const CONFIGURATION: &str = r#"
daemon off;
worker_processes 1;
pid {dir}/nginx.pid;
events { worker_connections 16384; }
http {
    access_log off;
    keepalive_timeout 0;
    client_header_timeout 1h;
    lingering_close {lingering};
    lingering_time 1h;
    lingering_timeout 1m;
    client_body_temp_path {dir}/body;
    proxy_temp_path {dir}/proxy;
    fastcgi_temp_path {dir}/fastcgi;
    uwsgi_temp_path {dir}/uwsgi;
    scgi_temp_path {dir}/scgi;
    server {
        listen 127.0.0.1:{port} backlog=16384;
        location / { return 200 "{body}"; }
    }
}
"#;

/// A running nginx.
pub struct Nginx {
    program: Program,
    _directory: Scratch,
    /// The port on which it listens.
    pub port: u16,
}

impl Nginx {
    /// Starts it. `lingering`: nginx's own `lingering_close`. `environment`: settings of softclose.
    ///
    /// # Errors
    /// That there is none.
    pub fn start(
        testbed: &Testbed,
        port: u16,
        lingering: &str,
        shim: Shim,
        environment: &[(&str, &str)],
    ) -> Result<Self, String> {
        let path = find("nginx").ok_or("no nginx")?;
        let directory = Scratch::directory();
        let dir = directory.path().to_string_lossy().into_owned();
        let configuration = CONFIGURATION
            .replace("{dir}", &dir)
            .replace("{lingering}", lingering)
            .replace("{port}", &port.to_string())
            .replace("{body}", &"x".repeat(1024));
        let file = directory.file("nginx.conf", "644", configuration.as_bytes());
        let victim = Victim::program(path.into()).arg("-p").arg(&dir).arg("-c").arg(file);
        let victim = victim.arg("-e").arg(format!("{dir}/error.log"));
        let victim = environment.iter().fold(victim, |victim, (name, value)| victim.env(name, value));
        let program = testbed.server(&victim, shim);
        testbed.wait_for_listener(port);
        Ok(Self { program, _directory: directory, port })
    }

    /// The pid of the master process.
    pub fn master(&self) -> u32 {
        self.program.pid()
    }

    /// The processor time of all its processes.
    pub fn cpu(&self) -> Duration {
        cpu::of_family(self.master())
    }
}

/// What one run of wrk said.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Requests a second.
    pub rate: f64,
    /// Requests whose connection failed.
    pub errors: f64,
    /// What a request cost the server, all of its threads, in microseconds.
    pub cpu: f64,
}

/// Runs wrk with one thread and 64 connections.
pub fn load(testbed: &Testbed, nginx: &Nginx, seconds: u64) -> Load {
    let program = find("wrk").expect("it was looked for");
    let victim = Victim::program(program.into()).arg("-t1").arg("-c64").arg(format!("-d{seconds}s"));
    let before = nginx.cpu();
    let said = testbed.client(&victim.arg(format!("http://127.0.0.1:{}/", nginx.port))).finish().stdout;
    let cpu = nginx.cpu() - before;
    let seen = wrk::read(&said).expect("wrk counts requests");
    Load { rate: seen.rate, errors: seen.errors, cpu: cpu.as_secs_f64() * 1e6 / seen.requests }
}
