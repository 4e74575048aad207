/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/test.h"
#include "xds/method.h"

#define ECDS "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/"
#define ADS "/envoy.service.discovery.v3.AggregatedDiscoveryService/"

static void test_method_find__knows_every_method_of_both_services(void)
{
	static const struct {
		const char *path;
		enum stream_variant variant;
		bool any_type;
		bool once;
	} cases[] = {
		{ECDS "StreamExtensionConfigs", STREAM_SOTW, false, false},
		{ECDS "DeltaExtensionConfigs", STREAM_DELTA, false, false},
		{ECDS "FetchExtensionConfigs", STREAM_SOTW, false, true},
		{ADS "StreamAggregatedResources", STREAM_SOTW, true, false},
		{ADS "DeltaAggregatedResources", STREAM_DELTA, true, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct method *m = method_find(cases[i].path);

		CU_ASSERT_PTR_NOT_NULL_FATAL(m);
		CU_ASSERT_STRING_EQUAL(m->name, strrchr(cases[i].path, '/') + 1);
		CU_ASSERT_EQUAL(m->variant, cases[i].variant);
		CU_ASSERT_EQUAL(m->any_type, cases[i].any_type);
		CU_ASSERT_EQUAL(m->once, cases[i].once);
	}
}

static void test_method_find__knows_no_other(void)
{
	static const char *const paths[] = {"", "/", ECDS, ADS "StreamExtensionConfigs",
		ECDS "streamExtensionConfigs", ECDS "StreamExtensionConfigs/",
		"/envoy.service.cluster.v3.ClusterDiscoveryService/StreamClusters"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		CU_ASSERT_PTR_NULL(method_find(paths[i]));
}

static void test_method_check_type__takes_our_type_and_its_absence_where_there_is_one_type(void)
{
	const struct method *ecds = method_find(ECDS "DeltaExtensionConfigs");
	bool ours = false;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(method_check_type(ecds, STREAM_TYPE_URL, &ours, &err), 0);
	CU_ASSERT_TRUE(ours);
	ours = false;
	CU_ASSERT_EQUAL(method_check_type(ecds, "", &ours, &err), 0);
	CU_ASSERT_TRUE(ours);
	CU_ASSERT_EQUAL(method_check_type(ecds, STREAM_TYPE_URL "s", &ours, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.msg, "TypedExtensionConfigs"));
}

static void test_method_check_type__leaves_other_types_of_ads_to_silence(void)
{
	const struct method *ads = method_find(ADS "StreamAggregatedResources");
	bool ours = true;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(method_check_type(ads,
				"type.googleapis.com/envoy.config.cluster.v3.Cluster", &ours, &err),
		0);
	CU_ASSERT_FALSE(ours);
	ours = true;
	CU_ASSERT_EQUAL(method_check_type(ads, "", &ours, &err), 0);
	CU_ASSERT_FALSE(ours);
	CU_ASSERT_EQUAL(method_check_type(ads, STREAM_TYPE_URL, &ours, &err), 0);
	CU_ASSERT_TRUE(ours);
}

TEST_MAIN("method", TEST(test_method_find__knows_every_method_of_both_services),
	TEST(test_method_find__knows_no_other),
	TEST(test_method_check_type__takes_our_type_and_its_absence_where_there_is_one_type),
	TEST(test_method_check_type__leaves_other_types_of_ads_to_silence))
