#pragma once

#include "observe/catalogue.h"

/// Samples of the metrics that have a rule or check as a label, out of the workers' SeriesTables.
/// In the order of their labels: the same in every scrape.
namespace sallyport::observe {

void fill_refusals(const Scrape& scrape, FamilyBuilder& family);
void fill_throttles(const Scrape& scrape, FamilyBuilder& family);
void fill_throttled_seconds(const Scrape& scrape, FamilyBuilder& family);

}  // namespace sallyport::observe
