//! The arguments that say where load may be sent. What they come to is decided in `targets`.

use clap::Args;

/// Where load may be sent.
#[derive(Debug, Args, Default)]
pub struct TargetFlags {
    /// Allow a target that is refused by default: link-local, metadata, multicast, unspecified addresses
    /// or names that lead there, and Unix sockets; may be given several times [env: DLT_ALLOW_TARGETS]
    #[arg(
        long,
        value_name = "ADDRESS|CIDR|NAME|unix:/PATH",
        help_heading = "Targets"
    )]
    pub allow_target: Vec<String>,
    /// Send load nowhere else, also after redirects: a name, *.example.com, an address, a range; may be given
    /// several times [env: DLT_ONLY_TARGETS]
    #[arg(long, value_name = "HOST|CIDR", help_heading = "Targets")]
    pub only_target: Vec<String>,
}
