<?php
/** How units are written: each in one transaction, with its lines in the map; files after it. */

use MediaWiki\Permissions\UltimateAuthority;
use MediaWiki\Revision\MutableRevisionRecord;
use MediaWiki\Revision\SlotRecord;

trait ReversaWriting
{
    private function makeMap(): void
    {
        if (!$this->mapped()) {
            $text = $this->db->getType() === 'mysql' ? 'MEDIUMBLOB' : 'TEXT';
            $table = $this->db->tableName('reversa_map');
            $this->db->query("CREATE TABLE $table (rm_key VARCHAR(64) NOT NULL PRIMARY KEY, rm_source $text NOT NULL, rm_kind VARCHAR(32) NOT NULL, "
                . "rm_id $text NOT NULL, rm_target $text NOT NULL, rm_name $text NOT NULL, rm_made INTEGER NOT NULL, rm_root $text NOT NULL, rm_of $text NOT NULL)", __METHOD__);
        }
    }

    private function askWrite(array $question): array
    {
        $this->makeMap();
        $outcomes = [];
        foreach ($question['units'] as $acts) {
            $done = [];
            $this->pages = [];
            $this->beginTransaction($this->db, __METHOD__);
            try {
                foreach ($acts as $act) {
                    if ($act['do'] !== 'file') {
                        $done[] = [$act['kind'], $act['id'], $this->{'do' . ucfirst($act['do'])}($act), ''];
                    } else {
                        $this->learn($act, $this->fileTarget($act), "File:$act[name]"); // its name is not free any more
                    }
                }
                $this->settlePages();
                $this->commitTransaction($this->db, __METHOD__);
            } catch (Throwable $error) {
                $this->rollbackTransaction($this->db, __METHOD__);
                $reason = get_class($error) . ': ' . $error->getMessage();
                $done = array_map(fn ($act) => [$act['kind'], $act['id'], '', $reason], $acts);
                $acts = [];
            }
            foreach ($acts as $act) {
                if ($act['do'] === 'file') {
                    try {
                        $done[] = [$act['kind'], $act['id'], $this->doFile($act), ''];
                    } catch (Throwable $error) {
                        $done[] = [$act['kind'], $act['id'], '', get_class($error) . ': ' . $error->getMessage()];
                    }
                }
            }
            array_push($outcomes, ...$done);
            Title::clearCaches();
        }
        return $outcomes;
    }

    private function doPlace(array $act): string
    {
        return $this->learn($act, $act['target'], '', false);
    }

    private function doUser(array $act): string
    {
        if (isset($act['account'])) {
            $user = User::newFromName($act['account']);
            if (!$user || !$user->isRegistered()) {
                throw new RuntimeException("there is no account $act[account]");
            }
            return $this->learn($act, 'user/' . $user->getId(), $user->getName(), false);
        }
        if (isset($act['external'])) {
            $this->services->getActorNormalization()->acquireActorId($this->author($act['external']), $this->db);
            return $this->learn($act, "actor/$act[external]", $act['external']);
        }
        $user = User::createNew($act['name'], ['real_name' => $act['real'] ?? '', 'email' => $act['email'] ?? '']);
        if ($user === null) {
            throw new RuntimeException("the account $act[name] exists or its name is not one");
        }
        $this->db->update('user', ['user_registration' => isset($act['created']) ? $this->db->timestamp($act['created']) : null], ['user_id' => $user->getId()], __METHOD__);
        return $this->learn($act, 'user/' . $user->getId(), $user->getName());
    }

    private function doMember(array $act): string
    {
        $id = explode('/', $this->known('user', $act['user']) ?? '')[1] ?? '';
        $user = User::newFromId((int) $id);
        if (!ctype_digit($id) || !$this->services->getUserGroupManager()->addUserToGroup($user, $act['group'], $act['until'] ?? null, true)) {
            throw new RuntimeException("no account to put into $act[group]");
        }
        return $this->learn($act, "member/$id/$act[group]");
    }

    private function doPage(array $act): string
    {
        $title = Title::newFromText($act['title']);
        if ($title === null || $title->getPrefixedText() !== $act['title'] || !$title->canExist()) {
            throw new RuntimeException("$act[title] is no title here");
        }
        $page = $this->services->getWikiPageFactory()->newFromTitle($title);
        $page->loadPageData(WikiPage::READ_LATEST);
        if ($page->exists() && $this->byInstaller($page->getId())) {
            $this->setAside($page);
            $page = $this->services->getWikiPageFactory()->newFromTitle($title);
            $page->loadPageData(WikiPage::READ_LATEST);
        }
        $id = $page->insertOn($this->db);
        if (!$id) {
            throw new RuntimeException("there is a page $act[title] already");
        }
        return $this->learn($act, "page/$id", $act['title']);
    }

    /** What the installer wrote gives way, under another title, until undo. */
    private function setAside(WikiPage $page): void
    {
        $title = $page->getTitle();
        $other = Title::makeTitle($title->getNamespace(), $title->getText() . ' (MediaWiki default)');
        $this->db->update('page', ['page_title' => $other->getDBkey()], ['page_id' => $page->getId()], __METHOD__);
        $this->learn(['kind' => 'aside', 'id' => $title->getPrefixedText()], "aside/{$page->getId()}", $title->getPrefixedText());
        $this->services->getLinkCache()->clear();
        Title::clearCaches();
    }

    private function pageOf(string $id): WikiPage
    {
        if (!isset($this->pages[$id])) {
            $target = $this->known('page', $id);
            $page = $target === null ? null : $this->services->getWikiPageFactory()->newFromID((int) substr($target, 5), WikiPage::READ_LATEST);
            if ($page === null) {
                throw new RuntimeException("the page $id is not here");
            }
            $this->pages[$id] = ['page' => $page, 'parent' => 0, 'head' => null, 'certain' => false];
        }
        return $this->pages[$id]['page'];
    }

    private function doRevision(array $act): string
    {
        $page = $this->pageOf($act['page']);
        $revision = new MutableRevisionRecord($page->getTitle());
        $revision->setPageId($page->getId());
        $revision->setParentId($this->pages[$act['page']]['parent'] ?: (int) $page->getLatest());
        $revision->setComment(CommentStoreComment::newUnsavedComment($act['comment']));
        $revision->setUser($this->author($act['user'] === null ? $act['nobody'] : $this->nameOf($act['user'], $act['nobody'])));
        $revision->setContent(SlotRecord::MAIN, ContentHandler::makeContent($act['text'], $page->getTitle(), $act['model']));
        $revision->setTimestamp($act['at']);
        $revision->setMinorEdit($act['minor']);
        $bits = array_sum(array_map(fn ($part) => self::BITS[$part], $act['hidden']));
        $revision->setVisibility($bits);
        $made = $this->services->getRevisionStore()->insertRevisionOn($revision, $this->db);
        $this->pages[$act['page']]['parent'] = $made->getId();
        if ($act['head'] || (!$page->getLatest() && !$this->pages[$act['page']]['certain'])) {
            $this->pages[$act['page']]['head'] = $made;
            $this->pages[$act['page']]['certain'] = $act['head'];
        }
        return $this->learn($act, 'revision/' . $made->getId());
    }

    /** The name under which a person of the source acts here. */
    private function nameOf(string $id, string $nobody): string
    {
        $name = $this->db->selectField('reversa_map', 'rm_name', ['rm_key' => $this->key('user', $id)], __METHOD__);
        return $name === false ? $nobody : $name;
    }

    private function author(string $name)
    {
        $user = User::newFromName($name);
        return $user && $user->isRegistered() ? $user : new MediaWiki\User\UserIdentityValue(0, $name);
    }

    private function settlePages(): void
    {
        foreach ($this->pages as $state) {
            if ($state['head'] !== null) {
                $state['page']->updateRevisionOn($this->db, $state['head']);
            }
        }
    }

    private function doPart(array $act): string
    {
        $id = $this->pageOf($act['page'])->getId();
        return $this->learn($act, "page/$id/$act[part]");
    }

    private function doProtection(array $act): string
    {
        $id = $this->pageOf($act['page'])->getId();
        $row = ['pr_page' => $id, 'pr_type' => $act['action'], 'pr_level' => $act['level'], 'pr_cascade' => 0];
        $row['pr_expiry'] = isset($act['until']) ? $this->db->timestamp($act['until']) : $this->db->getInfinity();
        $this->db->insert('page_restrictions', $row, __METHOD__);
        return $this->learn($act, "protection/$id/$act[action]/$act[level]");
    }

    private function fileTarget(array $act): string
    {
        return $act['archive'] === null ? "file/$act[name]" : "old/$act[archive]";
    }

    private function doFile(array $act): string
    {
        $repo = $this->services->getRepoGroup()->getLocalRepo();
        $title = Title::makeTitleSafe(NS_FILE, $act['name']);
        $target = $this->fileTarget($act);
        $user = $this->author($act['user'] === null ? $act['nobody'] : $this->nameOf($act['user'], $act['nobody']));
        if (!$this->there($target)) { // else a crash fell between the upload and its outcome
            if ($act['archive'] !== null) {
                $status = OldLocalFile::newFromArchiveName($title, $repo, $act['archive'])->uploadOld($act['path'], $act['at'], $act['comment'], $user);
            } else {
                $performer = $user instanceof User ? $user : new UltimateAuthority($user);
                $had = $title->exists(Title::READ_LATEST);
                $status = $repo->newFile($title)->upload($act['path'], $act['comment'], $act['text'], 0, false, $act['at'], $performer, [], false);
                DeferredUpdates::doUpdates();
                $this->withoutTraces($title, $act, $had);
            }
            if (!$status->isOK()) {
                throw new RuntimeException($status->getMessage(false, false, 'en')->text());
            }
        }
        return $this->learn($act, $target, $title->getPrefixedText());
    }

    /** An upload leaves no line in the logs; a page that was made for it is as old as the file. */
    private function withoutTraces(Title $title, array $act, bool $had): void
    {
        $page = $title->getArticleID(Title::READ_LATEST);
        $where = $had ? ['log_type' => 'upload', 'log_timestamp' => $this->db->timestamp($act['at'])] : [];
        foreach ($this->db->selectFieldValues('logging', 'log_id', $where + ['log_namespace' => NS_FILE, 'log_title' => $title->getDBkey()], __METHOD__) as $log) {
            $this->db->delete('logging', ['log_id' => $log], __METHOD__);
            $this->db->delete('log_search', ['ls_log_id' => $log], __METHOD__);
            $this->db->delete('recentchanges', ['rc_logid' => $log], __METHOD__);
        }
        if (!$had) {
            $this->db->update('revision', ['rev_timestamp' => $this->db->timestamp($act['at'])], ['rev_page' => $page], __METHOD__);
            $this->db->delete('recentchanges', ['rc_cur_id' => $page], __METHOD__);
            $this->learn(['kind' => 'made', 'id' => $title->getPrefixedText()], "page/$page", $title->getPrefixedText());
        }
    }

    /** Links, categories and the search of pages that were written; a share at a time. */
    private function askFinish(array $question): array
    {
        if (!$this->mapped()) {
            return ['left' => 0];
        }
        $left = 0;
        $end = microtime(true) + $question['seconds'];
        $rows = $this->db->select('reversa_map', ['rm_key', 'rm_target'], ['rm_source' => $this->source, 'rm_kind' => ['page', 'made', 'conversation'], 'rm_made' => 1], __METHOD__);
        foreach ($rows as $row) {
            if (microtime(true) > $end) {
                $left++;
                continue;
            }
            $page = $this->services->getWikiPageFactory()->newFromID((int) substr($row->rm_target, 5), WikiPage::READ_LATEST);
            if ($page !== null) {
                try {
                    $page->doSecondaryDataUpdates(['recursive' => false, 'defer' => false]);
                    DeferredUpdates::doUpdates();
                    $text = $page->getContent() ? $page->getContent()->getTextForSearchIndex() : '';
                    (new SearchUpdate($page->getId(), $page->getTitle(), $page->getContent()))->doUpdate();
                } catch (Throwable $error) {
                    $left++;
                    continue;
                }
            }
            $this->db->update('reversa_map', ['rm_made' => 2], ['rm_key' => $row->rm_key], __METHOD__);
        }
        SiteStatsInit::doAllAndCommit($this->db);
        return ['left' => $left];
    }
}
