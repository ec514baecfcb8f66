//! Completions for bash, zsh and fish.
//!
//! clap_complete writes those of softclosectl, and the one of the launcher for zsh. It cannot
//! complete the launcher's COMMAND, or a pid: the files in this directory do that, with helpers of the
//! shells.

use crate::launcher;
use clap::{Arg, Command, CommandFactory, ValueHint};
use clap_complete::{Shell, generate};
use std::path::PathBuf;

const BASH: &str = include_str!("softclose.bash");
const ZSH: &str = include_str!("softclose.zsh");
const FISH: &str = include_str!("softclose.fish");
const CTL_BASH: &str = include_str!("softclosectl.bash");
const CTL_ZSH: &str = include_str!("softclosectl.zsh");
const CTL_FISH: &str = include_str!("softclosectl.fish");

const BASH_DIR: &str = "bash-completion/completions";
const ZSH_DIR: &str = "zsh/site-functions";
const FISH_DIR: &str = "fish/vendor_completions.d";

/// The files: each path below `share`, and its content.
pub fn all() -> Vec<(PathBuf, String)> {
    let launcher = launcher::command();
    let ctl = |shell| generated(shell, softclose_ctl::args::Cli::command());
    let ctl_zsh = behind_compdef(CTL_ZSH, &pids_in_zsh(&ctl(Shell::Zsh)));
    let [bash_dir, zsh_dir, fish_dir] = [BASH_DIR, ZSH_DIR, FISH_DIR].map(PathBuf::from);
    vec![
        (bash_dir.join("softclosectl"), ctl(Shell::Bash) + CTL_BASH),
        (bash_dir.join("softclose"), bash(&launcher)),
        (zsh_dir.join("_softclosectl"), ctl_zsh),
        (zsh_dir.join("_softclose"), zsh(launcher.clone())),
        (fish_dir.join("softclosectl.fish"), ctl(Shell::Fish) + CTL_FISH),
        (fish_dir.join("softclose.fish"), fish(&launcher)),
    ]
}

fn generated(shell: Shell, mut command: Command) -> String {
    let (name, mut text) = (command.get_name().to_owned(), Vec::new());
    generate(shell, &mut command, name, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

fn bash(command: &Command) -> String {
    let (valued, values): (Vec<_>, Vec<_>) = with_values(command).map(|arg| (long(arg), bash_values(arg))).unzip();
    BASH.replace("@ALL@", &options(command).map(long).collect::<Vec<_>>().join(" "))
        .replace("@VALUED@", &valued.join(" | "))
        .replace("@VALUES@\n", &values.concat())
}

/// One branch of the `case` over the option whose value is completed.
fn bash_values(arg: &Arg) -> String {
    let how = match arg.get_value_hint() {
        ValueHint::DirPath => "_filedir -d".to_owned(),
        ValueHint::AnyPath => "_filedir".to_owned(),
        _ if words(arg).is_empty() => return String::new(),
        _ => format!("mapfile -t COMPREPLY < <(compgen -W '{}' -- \"$cur\")", words(arg)),
    };
    format!("            {}) {how} ;;\n", long(arg))
}

/// The file for zsh, whose first line must be `#compdef`.
fn zsh(command: Command) -> String {
    behind_compdef(ZSH, &generated(Shell::Zsh, command).replace(":_cmdambivalent'", ":_softclose_command'"))
}

fn behind_compdef(more: &str, text: &str) -> String {
    let (compdef, rest) = text.split_once('\n').unwrap_or_default();
    format!("{compdef}\n\n{more}{rest}\n")
}

/// The lines about a pid, with our function that offers pids.
fn pids_in_zsh(text: &str) -> String {
    let line = |line: &str| {
        if line.contains("pid -- ") { line.replace(":_default'", ":_softclosectl_pids'") } else { line.to_owned() }
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

fn fish(command: &Command) -> String {
    let valued = with_values(command).map(long).collect::<Vec<_>>().join(" ");
    FISH.replace("@VALUED@", &valued).replace("@OPTIONS@\n", &options(command).map(fish_option).collect::<String>())
}

fn fish_option(arg: &Arg) -> String {
    let short = arg.get_short().map(|letter| format!(" -s {letter}")).unwrap_or_default();
    let value = match (arg.get_action().takes_values(), arg.get_value_hint()) {
        (false, _) => String::new(),
        (true, ValueHint::DirPath) => " -x -a '(__fish_complete_directories)'".to_owned(),
        (true, ValueHint::AnyPath) => " -r -F".to_owned(),
        (true, _) => format!(" -x -a '{}'", words(arg)),
    };
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('\'', r"\'");
    let name = arg.get_long().unwrap_or_default();
    format!("complete -c softclose -n 'not __softclose_command >/dev/null'{short} -l {name}{value} -d '{help}'\n")
}

fn options(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_positional())
}

fn with_values(command: &Command) -> impl Iterator<Item = &Arg> {
    options(command).filter(|arg| arg.get_action().takes_values())
}

fn long(arg: &Arg) -> String {
    format!("--{}", arg.get_long().unwrap_or_default())
}

/// The possible values of an option; empty where it takes any value.
fn words(arg: &Arg) -> String {
    arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_of_the_launcher_is_in_every_file_of_it() {
        let launcher = launcher::command();
        let files = all().into_iter().filter(|(path, _)| !path.to_string_lossy().contains("ctl"));
        let texts: Vec<_> = files.map(|(_, text)| text).collect();
        assert_eq!(texts.len(), 3);
        for arg in options(&launcher) {
            let (option, word) = (long(arg), format!("-l {} ", arg.get_long().unwrap()));
            assert!(texts.iter().all(|text| text.contains(&option) || text.contains(&word)), "{option}");
        }
        for place in ["@ALL@", "@VALUED@", "@VALUES@", "@OPTIONS@"] {
            assert!(texts.iter().all(|text| !text.contains(place)), "{place} was not filled");
        }
    }

    #[test]
    fn every_subcommand_is_in_every_file_of_softclosectl() {
        let ctl = softclose_ctl::args::Cli::command();
        for (path, text) in all().into_iter().filter(|(path, _)| path.to_string_lossy().contains("ctl")) {
            let missing = ctl.get_subcommands().find(|command| !text.contains(command.get_name()));
            assert!(missing.is_none(), "{}: {missing:?}", path.display());
        }
    }

    /// The text that we replace must be in what clap_complete writes.
    #[test]
    fn zsh_completes_the_command_with_our_function() {
        assert!(zsh(launcher::command()).contains(":_softclose_command'"));
        let ctl = pids_in_zsh(&generated(Shell::Zsh, softclose_ctl::args::Cli::command()));
        assert_eq!(ctl.matches(":_softclosectl_pids'").count(), 2, "of stat and explain");
    }
}
