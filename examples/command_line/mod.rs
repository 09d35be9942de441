//! The frame of the native commands: clap reads the arguments, `work` answers with a line, and any
//! mistake is one line and exit code 1.
//!
//! clap's own messages take several lines and exit code 2; [`sentence`] says the same in this
//! program's words. To add a command: derive `clap::Parser` and call [`run`].

use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Runs a command with its arguments: prints the line that `work` returns, or its error.
pub fn run<A: Parser>(work: impl FnOnce(A) -> Result<String, String>) -> ExitCode {
    let outcome = match A::try_parse() {
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            Ok(error.to_string().trim_end().into())
        }
        Err(error) => Err(sentence(&error, &A::command().render_usage().to_string())),
        Ok(arguments) => work(arguments),
    };
    match outcome {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(line) => {
            eprintln!("{line}");
            ExitCode::FAILURE
        }
    }
}

/// What is wrong with the arguments, and the usage where that helps.
fn sentence(error: &clap::Error, usage: &str) -> String {
    let words = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => vec![word.clone()],
        Some(ContextValue::Strings(words)) => words.clone(),
        _ => Vec::new(),
    };
    // clap names an option with its value: `--weights <FILE>`.
    let first = |kind| {
        words(kind).first().and_then(|word| word.split(' ').next()).unwrap_or_default().to_owned()
    };
    let (argument, value, known) = (
        first(ContextKind::InvalidArg),
        words(ContextKind::InvalidValue),
        words(ContextKind::ValidValue),
    );
    let value = value.concat();
    match error.kind() {
        ErrorKind::UnknownArgument => format!("`{argument}` is not an option.\n{usage}"),
        ErrorKind::MissingRequiredArgument => format!("`{argument}` is missing.\n{usage}"),
        ErrorKind::InvalidValue if value.is_empty() => {
            format!("`{argument}` needs a value.\n{usage}")
        }
        ErrorKind::InvalidValue => {
            format!("There is no `{value}` for {argument}. Known: {}.", known.join(", "))
        }
        ErrorKind::ArgumentConflict
            if words(ContextKind::PriorArg).concat().starts_with(&argument) =>
        {
            format!("`{argument}` stands there twice.")
        }
        ErrorKind::ArgumentConflict => {
            format!("`{argument}` and `{}` do not go together.", first(ContextKind::PriorArg))
        }
        // A parser of this program, which says a sentence.
        ErrorKind::ValueValidation => match std::error::Error::source(error) {
            Some(source) => source.to_string(),
            None => format!("`{value}` is nothing for {argument}."),
        },
        _ => error.to_string(),
    }
}
