// What is said about the process as a whole rather than about its traffic.
#include "observe/collector.h"
#include "observe/families.h"

namespace sallyport::observe {

namespace {

double to_seconds(std::chrono::system_clock::time_point when) {
  return std::chrono::duration<double>(when.time_since_epoch()).count();
}

}  // namespace

void Collector::add_process_state(Families& out) const {
  const ProcessState now = state();
  auto build = gauge("sallyport_build_info", "Always 1; the version is a label.");
  build.add({{"version", version_}}, 1);
  auto workers = gauge("sallyport_workers", "Worker threads.");
  workers.add({}, static_cast<double>(workers_.size()));
  auto ready = gauge("sallyport_ready", "Whether /readyz says yes.");
  ready.add({}, now.ready ? 1 : 0);
  auto reloads = counter("sallyport_config_reloads_total",
                         "Reloads of configuration, policies and certificates, by result.");
  reloads.add({{"result", "ok"}}, static_cast<double>(now.reloads_ok));
  reloads.add({{"result", "failed"}}, static_cast<double>(now.reloads_failed));
  auto last = gauge("sallyport_config_last_reload_success",
                    "Whether what is in force is what the files said at the last reload.");
  last.add({}, now.last_reload_ok ? 1 : 0);
  auto when = gauge("sallyport_config_last_reload_success_timestamp_seconds",
                    "When configuration was last loaded with success.");
  when.add({}, to_seconds(now.last_success));
  auto roles = gauge("sallyport_policy_roles", "Roles of the policy in force.");
  roles.add({}, static_cast<double>(now.roles));
  auto rules = gauge("sallyport_policy_rules", "Rules of the policy in force.");
  rules.add({}, static_cast<double>(now.rules));
  auto expiry = gauge("sallyport_certificate_expiry_timestamp_seconds",
                      "End of validity of a certificate in use.");
  for (const CertificateExpiry& certificate : now.certificates)
    expiry.add({{"certificate", certificate.name}}, to_seconds(certificate.not_after));
  for (FamilyBuilder* family :
       {&build, &workers, &ready, &reloads, &last, &when, &roles, &rules, &expiry})
    out.push_back(family->take());
}

void Collector::add_audit(Families& out) const {
  if (audit_ == nullptr) return;
  auto written = counter("sallyport_audit_lines_written_total", "Lines of the audit log written.");
  written.add({}, static_cast<double>(audit_->written()));
  const AuditLoss loss = audit_->lost();
  auto lost = counter("sallyport_audit_lines_lost_total",
                      "Lines missing in the audit log: the queue was full, the same client was "
                      "refused the same way too often, or they could not be written.");
  lost.add({{"reason", "queue_full"}}, static_cast<double>(loss.queue_full));
  lost.add({{"reason", "repeated"}}, static_cast<double>(loss.repeated));
  lost.add({{"reason", "write"}}, static_cast<double>(loss.write));
  auto waiting = gauge("sallyport_audit_lines_waiting", "Lines that wait to be written.");
  waiting.add({}, static_cast<double>(audit_->waiting()));
  out.push_back(written.take());
  out.push_back(lost.take());
  out.push_back(waiting.take());
}

}  // namespace sallyport::observe
