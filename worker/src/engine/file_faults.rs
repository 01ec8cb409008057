//! What is wrong with the files of a plan, told before anything is started: by whoever
//! has the files, at home and before they are uploaded. Runners read them again.

use crate::engine::files::PlanFiles;
use crate::engine::http::tls::TlsConfig;
use crate::engine::make::inputs::{FileFault, tables};
use dlt_core::scenario::plan::Plan;
use std::sync::Arc;

/// Everything that is wrong with rows and certificates. Of bodies nothing is.
pub fn file_faults(plan: &Plan, files: &PlanFiles) -> Vec<FileFault> {
    let mut faults = tables(plan, files).1;
    let files = Arc::new(files.clone());
    for group in &plan.groups {
        let tls = &group.tls;
        let named = [&tls.ca_file, &tls.cert_file, &tls.key_file];
        if named.iter().all(|path| path.is_none()) {
            continue;
        }
        if let Err(why) = TlsConfig::new(tls, group.http, files.clone()).warm_up() {
            let fault = FileFault {
                scenario: group.name.clone(),
                key: "tls",
                path: String::new(),
                why,
            };
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    faults
}
