import { storeFixture } from "../../test/laws/store-fixture.ts";
import { cacheLaws } from "../../test/laws/cache-laws.ts";
import { claimLaws } from "../../test/laws/claim-laws.ts";
import { storeLaws } from "../../test/laws/store-laws.ts";
import { openStore } from "./open-store.ts";

storeLaws("OverlayStore", () => storeFixture(openStore));
claimLaws("OverlayStore", () => storeFixture(openStore));
cacheLaws("OverlayStore", () => storeFixture(openStore));
