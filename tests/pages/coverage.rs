exit_on.on_report(|report| {
    report.eprint_if_failed();
    std::process::exit(i32::from(!report.is_clean()));
})
