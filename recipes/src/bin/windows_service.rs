//! A Windows service: its control handler requests the shutdown, and the last hook reports `Stopped`.

#[cfg(windows)]
mod service {
    use std::ffi::OsString;
    use std::{thread, time::Duration};

    use signoff::{Hooks, ShutdownSignal};
    use windows_service::service::ServiceState::{Running, StopPending, Stopped};
    use windows_service::service::{
        ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus,
        ServiceType,
    };
    use windows_service::service_control_handler::{self, ServiceControlHandlerResult};
    use windows_service::{define_windows_service, service_dispatcher};

    const NAME: &str = "signoff recipe";
    const BUDGET: Duration = Duration::from_secs(10);

    define_windows_service!(ffi_service_main, service_main);

    /// Runs until the service has stopped. Windows starts `service_main` on a thread of its own.
    pub fn start() -> windows_service::Result<()> {
        service_dispatcher::start(NAME, ffi_service_main)
    }

    fn service_main(_: Vec<OsString>) {
        if let Err(error) = run() {
            eprintln!("{error}"); // a service writes this to its log
        }
    }

    fn run() -> Result<(), Box<dyn std::error::Error>> {
        let shutdown = ShutdownSignal::manual(); // a service gets no console events
        let stop = shutdown.clone();
        let status = service_control_handler::register(NAME, move |control| match control {
            ServiceControl::Stop | ServiceControl::Shutdown => {
                stop.request("the service manager"); // returns at once, as a handler has to
                ServiceControlHandlerResult::NoError
            }
            ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
            _ => ServiceControlHandlerResult::NotImplemented,
        })?;
        let report = move |state| status.set_service_status(service_status(state));

        let signal = shutdown.clone();
        let worker = thread::spawn(move || work(&signal));
        let guard = Hooks::new()
            .budget(BUDGET)
            .blocking("stop pending", move || report(StopPending))
            .then()
            .blocking("worker", move || worker.join().map_err(|_| "the worker panicked"))
            .then()
            .blocking("stopped", move || report(Stopped))
            .exit_on(shutdown.clone())
            .start()?;
        report(Running)?;
        shutdown.wait();
        guard.join(); // the hooks exit the process
        Ok(())
    }

    fn work(shutdown: &ShutdownSignal) {
        while shutdown.wait_timeout(Duration::from_secs(1)).is_none() {
            // one round of work
        }
    }

    fn service_status(state: ServiceState) -> ServiceStatus {
        ServiceStatus {
            service_type: ServiceType::OWN_PROCESS,
            current_state: state,
            controls_accepted: ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN,
            exit_code: ServiceExitCode::Win32(0),
            checkpoint: 0,
            wait_hint: if state == StopPending { BUDGET } else { Duration::ZERO },
            process_id: None,
        }
    }
}

#[cfg(windows)]
fn main() -> windows_service::Result<()> {
    service::start()
}

#[cfg(not(windows))]
fn main() {
    eprintln!("this recipe is for Windows");
}
