<?php
// The settings of the wiki that is asked, but for what would disturb it: nobody is notified, and its caches stay as they are.
require getenv('REVERSA_SETTINGS');
$wgMainCacheType = $wgParserCacheType = $wgMessageCacheType = $wgSessionCacheType = $wgMainStash = CACHE_NONE;
$wgEnableEmail = $wgEnableUserEmail = $wgEnotifWatchlist = $wgEnotifUserTalk = $wgUseInstantCommons = false;
$wgRCFeeds = [];
