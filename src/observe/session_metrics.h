#pragma once

#include "observe/catalogue.h"
#include "observe/top_table.h"

/// Samples of the metrics by listener and role, and of those that name clients. In the order of
/// their labels: the same in every scrape.
namespace sallyport::observe {

void fill_sessions_begun(const Scrape& scrape, FamilyBuilder& family);
void fill_sessions_open(const Scrape& scrape, FamilyBuilder& family);
void fill_session_packets(const Scrape& scrape, FamilyBuilder& family);
void fill_session_bytes(const Scrape& scrape, FamilyBuilder& family);
void fill_offenders(const Scrape& scrape, FamilyBuilder& family);
void fill_talkers(const Scrape& scrape, FamilyBuilder& family);

/// The rows of all workers, the largest first.
[[nodiscard]] std::vector<TopRow> top_rows(const Scrape& scrape,
                                           const TopTable WorkerCounters::*table);

}  // namespace sallyport::observe
