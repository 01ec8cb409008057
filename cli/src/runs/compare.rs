//! `dlt runs compare A B`: what changed between two runs. dlt-core decides what counts as
//! a change; `comparison_page` shows it.

use super::{comparison_page, sides};
use crate::args::CompareArgs;
use crate::client::{Client, ClientError, understood};
use crate::exit::Exit;
use crate::output::Output;
use dlt_core::compare::{Comparison, Verdict};

/// `dlt runs compare`: the exit code is 1 if the second run is worse, 4 if they cannot be
/// compared or too little is known.
pub async fn compare(
    output: Output,
    client: &Client,
    args: &CompareArgs,
) -> Result<Exit, ClientError> {
    let threshold = percent(args.threshold.as_deref(), "--threshold")?;
    let error_threshold = percent(args.error_threshold.as_deref(), "--error-threshold")?;
    let (base, candidate) = sides::find(client, &args.base, args.candidate.as_deref()).await?;
    if (&base.test, &base.run) == (&candidate.test, &candidate.run) {
        output.error(&format!(
            "both names mean the same run, {}; name two, and if it is the baseline, run the scenario again first",
            base.run
        ));
        return Ok(Exit::BadInput);
    }
    let path = format!("{}/compare", candidate.path());
    let mut query = vec![
        ("with", base.run.as_str()),
        ("with_test", base.test.as_str()),
    ];
    query.extend(args.region.as_deref().map(|region| ("region", region)));
    query.extend(threshold.map(|pct| ("threshold_pct", pct)));
    query.extend(error_threshold.map(|points| ("error_points", points)));
    let answer = client.get(&path, &query).await?;
    let comparison: Comparison = understood(&path, answer.clone())?;
    if args.json {
        output.json(&answer);
    } else {
        let region = args.region.as_deref();
        let lines = comparison_page::page(&comparison, region, args.anyway, output.columns());
        output.data(&lines);
    }
    Ok(exit(comparison.verdict))
}

/// The exit code that a verdict means.
fn exit(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Worse => Exit::ThresholdFailed,
        Verdict::CannotTell | Verdict::Incomparable => Exit::Untrusted,
        Verdict::Better | Verdict::ChangedButSmall | Verdict::Same => Exit::Passed,
    }
}

/// A number above 0, perhaps with a percent sign, as the API takes it.
fn percent<'a>(text: Option<&'a str>, flag: &str) -> Result<Option<&'a str>, ClientError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let number = text.trim().trim_end_matches('%').trim_end();
    match number.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 100.0 => Ok(Some(number)),
        _ => Err(ClientError::Input(format!(
            "{flag} {text:?} must be a number above 0, at most 100, like 5"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_numbers_above_0() {
        for (text, number) in [
            ("5", "5"),
            ("2.5%", "2.5"),
            (" 10 % ", "10"),
            ("1e1", "1e1"),
        ] {
            assert_eq!(percent(Some(text), "--threshold").unwrap(), Some(number));
        }
        for text in ["", "%", "0", "-1", "NaN", "inf", "101", "five"] {
            let error = percent(Some(text), "--threshold").unwrap_err();
            assert!(error.to_string().contains("--threshold"), "{error}");
        }
    }

    #[test]
    fn only_what_is_judged_and_not_worse_passes() {
        for (verdict, code) in [
            (Verdict::Worse, 1),
            (Verdict::Better, 0),
            (Verdict::ChangedButSmall, 0),
            (Verdict::Same, 0),
            (Verdict::CannotTell, 4),
            (Verdict::Incomparable, 4),
        ] {
            assert_eq!(exit(verdict).code(), code, "{verdict:?}");
        }
    }
}
