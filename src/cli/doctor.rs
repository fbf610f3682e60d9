//! What `caisson doctor` prints.

use std::process::ExitCode;

use crate::app::Finding;

/// One line for each finding, with the remedy below what is wrong.
pub fn report(findings: &[Finding]) -> ExitCode {
    let width = findings.iter().map(|finding| finding.subject.len()).max().unwrap_or(0);
    let mut wrong = 0;
    for Finding { subject, result, is_advice } in findings {
        match result {
            Ok(seen) => println!("ok    {subject:width$}  {seen}"),
            Err(problem) => {
                let grade = if *is_advice { "note " } else { "WRONG" };
                wrong += usize::from(!is_advice);
                println!("{grade} {subject:width$}  {}", problem.what);
                println!("      {:width$}  remedy: {}", "", problem.remedy);
            }
        }
    }
    match wrong {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
