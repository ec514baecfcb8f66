//! Docker's seccomp profile, made into what a runtime takes: Docker decides by
//! capabilities and architecture which of its rules go into a container.

use serde::Deserialize;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// The capabilities that Docker gives a container by default.
pub const CAPABILITIES: [&str; 14] = [
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
];

/// The error of a system call that no rule allows.
const REFUSED: i32 = libc::EPERM;

/// How the names of the calls of io_uring begin. Docker refuses them since 25.0; the packaged
/// profile may be older.
const RINGS: &str = "io_uring_";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    default_action: String,
    arch_map: Vec<Architecture>,
    syscalls: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Architecture {
    architecture: String,
    sub_architectures: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    names: Vec<String>,
    action: String,
    errno_ret: Option<i32>,
    args: Option<Vec<Value>>,
    #[serde(default)]
    includes: Condition,
    #[serde(default)]
    excludes: Condition,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Condition {
    caps: Vec<String>,
    arches: Vec<String>,
}

impl Condition {
    fn has_capability(&self) -> bool {
        self.caps.iter().any(|name| CAPABILITIES.contains(&name.as_str()))
    }

    fn has_architecture(&self) -> bool {
        self.arches.iter().any(|name| name == architecture().0)
    }
}

impl Rule {
    fn applies(&self) -> bool {
        let included = (self.includes.caps.is_empty() || self.includes.has_capability())
            && (self.includes.arches.is_empty() || self.includes.has_architecture());
        included && !self.excludes.has_capability() && !self.excludes.has_architecture()
    }

    fn for_runtime(&self) -> Value {
        let names: Vec<_> = self.names.iter().filter(|name| !name.starts_with(RINGS)).collect();
        let mut rule = json!({ "names": names, "action": self.action });
        if let Some(args) = self.args.as_ref().filter(|args| !args.is_empty()) {
            rule["args"] = json!(args);
        }
        if let Some(errno) = self.errno_ret {
            rule["errnoRet"] = json!(errno);
        }
        rule
    }
}

/// The name of this machine's architecture in Go, and in libseccomp.
fn architecture() -> (&'static str, &'static str) {
    match std::env::consts::ARCH {
        "x86_64" => ("amd64", "SCMP_ARCH_X86_64"),
        "aarch64" => ("arm64", "SCMP_ARCH_AARCH64"),
        other => (other, other),
    }
}

/// Reads the profile in this file, for a container as Docker makes it by default.
///
/// # Errors
/// What is wrong with the file.
pub fn read(path: &Path) -> Result<Value, String> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = fs::read_to_string(path).map_err(|error| named(&error))?;
    let profile: Profile = serde_json::from_str(&text).map_err(|error| named(&error))?;
    Ok(for_runtime(&profile))
}

fn for_runtime(profile: &Profile) -> Value {
    let ours = profile.arch_map.iter().filter(|known| known.architecture == architecture().1);
    let architectures: Vec<_> = ours
        .flat_map(|known| std::iter::once(&known.architecture).chain(known.sub_architectures.iter().flatten()))
        .collect();
    let rules: Vec<_> = profile.syscalls.iter().filter(|rule| rule.applies()).map(Rule::for_runtime).collect();
    json!({
        "defaultAction": profile.default_action,
        "defaultErrnoRet": REFUSED,
        "architectures": architectures,
        "syscalls": rules,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_goes_by_capabilities_and_architecture() {
        let profile = json!({
            "defaultAction": "SCMP_ACT_ERRNO",
            "archMap": [],
            "syscalls": [
                { "names": ["read", "io_uring_setup"], "action": "SCMP_ACT_ALLOW", "args": [] },
                { "names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_SYS_ADMIN"] } },
                { "names": ["chroot"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_SYS_CHROOT"] } },
                { "names": ["other"], "action": "SCMP_ACT_ALLOW", "includes": { "arches": ["vax"] } },
                { "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38, "excludes": { "caps": ["CAP_SYS_ADMIN"] } },
            ],
        });
        let profile = for_runtime(&serde_json::from_value(profile).unwrap());
        let names: Vec<_> = profile["syscalls"].as_array().unwrap().iter().map(|rule| rule["names"].clone()).collect();
        assert_eq!(names, [json!(["read"]), json!(["chroot"]), json!(["clone3"])]);
        assert_eq!(profile["syscalls"][2]["errnoRet"], 38);
    }
}
