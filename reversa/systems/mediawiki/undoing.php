<?php
/** How what was written is taken back: rows, not only links to them. */

use MediaWiki\Revision\RevisionStore;

trait ReversaUndoing
{
    private function askUndo(array $question): array
    {
        $rank = array_flip(['protection', 'member', 'old', 'file', 'revision', 'page', 'user', 'actor']);
        $rows = [];
        foreach ($this->mapped() ? $question['records'] : [] as [$kind, $id]) {
            $row = $this->db->selectRow('reversa_map', '*', ['rm_key' => $this->key($kind, $id)], __METHOD__);
            if ($row) {
                $rows[] = $row;
            }
        }
        usort($rows, fn ($a, $b) => ($rank[strtok($a->rm_target, '/')] ?? 99) <=> ($rank[strtok($b->rm_target, '/')] ?? 99));
        foreach ($rows as $row) {
            $this->beginTransaction($this->db, __METHOD__);
            if ($row->rm_made) {
                $this->remove($row);
            }
            $this->db->delete('reversa_map', ['rm_key' => $row->rm_key], __METHOD__);
            $this->commitTransaction($this->db, __METHOD__);
        }
        return [];
    }

    private function remove(object $row): void
    {
        $parts = explode('/', $row->rm_target, 4);
        switch ($parts[0]) {
            case 'protection':
                $this->db->delete('page_restrictions', ['pr_page' => $parts[1], 'pr_type' => $parts[2], 'pr_level' => $parts[3]], __METHOD__);
                break;
            case 'member':
                $this->services->getUserGroupManager()->removeUserFromGroup(User::newFromId((int) $parts[1]), $parts[2]);
                break;
            case 'old':
                $this->removeOld(substr($row->rm_target, 4));
                break;
            case 'file':
                $this->removeFile(substr($row->rm_target, 5));
                break;
            case 'revision':
                $this->removeRevision((int) $parts[1]);
                break;
            case 'page':
                if (!isset($parts[2])) {
                    $this->removePage((int) $parts[1]);
                }
                break;
            case 'user':
                $this->removeUser((int) $parts[1]);
                break;
            case 'actor':
                $this->removeActor(['actor_name' => substr($row->rm_target, 6)]);
        }
    }

    private function removeOld(string $archive): void
    {
        $name = explode('!', $archive, 2)[1] ?? '';
        $repo = $this->services->getRepoGroup()->getLocalRepo();
        $file = OldLocalFile::newFromArchiveName(Title::makeTitle(NS_FILE, $name), $repo, $archive);
        $repo->getBackend()->quickDelete(['src' => $file->getPath()]);
        $this->db->delete('oldimage', ['oi_name' => $name, 'oi_archive_name' => $archive], __METHOD__);
    }

    private function removeFile(string $name): void
    {
        $title = Title::makeTitle(NS_FILE, $name);
        $repo = $this->services->getRepoGroup()->getLocalRepo();
        $file = $repo->newFile($title);
        $file->purgeThumbnails();
        $repo->getBackend()->quickDelete(['src' => $file->getPath()]);
        $this->db->delete('image', ['img_name' => $name], __METHOD__);
        $made = $this->db->selectRow('reversa_map', '*', ['rm_key' => $this->key('made', $title->getPrefixedText())], __METHOD__);
        if ($made) {
            $page = (int) substr($made->rm_target, 5);
            foreach ($this->db->selectFieldValues('revision', 'rev_id', ['rev_page' => $page], __METHOD__) as $revision) {
                $this->removeRevision((int) $revision);
            }
            $this->removePage($page);
            $this->db->delete('reversa_map', ['rm_key' => $made->rm_key], __METHOD__);
        }
    }

    private function removeRevision(int $id): void
    {
        $contents = $this->db->selectFieldValues('slots', 'slot_content_id', ['slot_revision_id' => $id], __METHOD__);
        $this->db->delete('slots', ['slot_revision_id' => $id], __METHOD__);
        foreach ($contents as $content) {
            if ($this->db->selectField('slots', '1', ['slot_content_id' => $content], __METHOD__)) {
                continue;
            }
            $address = $this->db->selectField('content', 'content_address', ['content_id' => $content], __METHOD__);
            $this->db->delete('content', ['content_id' => $content], __METHOD__);
            $shared = $this->db->selectField('content', '1', ['content_address' => $address], __METHOD__);
            if (!$shared && preg_match('/^tt:(\d+)$/', (string) $address, $found)) {
                $this->db->delete('text', ['old_id' => $found[1]], __METHOD__);
            }
        }
        $this->db->delete('ip_changes', ['ipc_rev_id' => $id], __METHOD__);
        if ($this->db->tableExists('revision_comment_temp', __METHOD__)) {
            $this->db->delete('revision_comment_temp', ['revcomment_rev' => $id], __METHOD__);
        }
        $this->db->delete('revision', ['rev_id' => $id], __METHOD__);
    }

    /** A page without a revision is removed; one that others have edited since stays, with what they wrote. */
    private function removePage(int $id): void
    {
        $title = Title::newFromID($id, Title::READ_LATEST);
        $store = $this->services->getRevisionStore();
        $left = $this->db->selectField('revision', 'rev_id', ['rev_page' => $id], __METHOD__, ['ORDER BY' => 'rev_timestamp DESC, rev_id DESC']);
        if ($left) {
            $page = $this->services->getWikiPageFactory()->newFromID($id, WikiPage::READ_LATEST);
            $page->updateRevisionOn($this->db, $store->getRevisionById((int) $left, RevisionStore::READ_LATEST));
            return;
        }
        $categories = $this->db->selectFieldValues('categorylinks', 'cl_to', ['cl_from' => $id], __METHOD__);
        $tables = [
            'page' => 'page_id', 'redirect' => 'rd_from', 'page_props' => 'pp_page', 'page_restrictions' => 'pr_page', 'pagelinks' => 'pl_from',
            'templatelinks' => 'tl_from', 'imagelinks' => 'il_from', 'categorylinks' => 'cl_from', 'externallinks' => 'el_from',
            'langlinks' => 'll_from', 'iwlinks' => 'iwl_from', 'searchindex' => $this->db->getType() === 'sqlite' ? 'rowid' : 'si_page', 'recentchanges' => 'rc_cur_id',
        ];
        foreach ($tables as $table => $column) {
            if ($this->db->tableExists($table, __METHOD__)) {
                $this->db->delete($table, [$column => $id], __METHOD__);
            }
        }
        $this->categories += array_flip($categories);
        $aside = $title === null ? null : $this->known('aside', $title->getPrefixedText());
        if ($aside !== null) {
            $this->db->update('page', ['page_title' => $title->getDBkey()], ['page_id' => substr($aside, 6)], __METHOD__);
            $this->db->delete('reversa_map', ['rm_key' => $this->key('aside', $title->getPrefixedText())], __METHOD__);
        }
    }

    /** An account that somebody has used since stays. */
    private function removeUser(int $id): void
    {
        $actor = $this->db->selectField('actor', 'actor_id', ['actor_user' => $id], __METHOD__);
        if ($actor && !$this->removeActor(['actor_id' => $actor])) {
            return;
        }
        foreach (['user' => 'user_id', 'user_groups' => 'ug_user', 'user_former_groups' => 'ufg_user', 'user_properties' => 'up_user', 'watchlist' => 'wl_user', 'user_newtalk' => 'user_id'] as $table => $column) {
            $this->db->delete($table, [$column => $id], __METHOD__);
        }
    }

    private function removeActor(array $where): bool
    {
        $id = $this->db->selectField('actor', 'actor_id', $where, __METHOD__);
        $uses = ['revision' => 'rev_actor', 'archive' => 'ar_actor', 'image' => 'img_actor', 'oldimage' => 'oi_actor', 'filearchive' => 'fa_actor', 'recentchanges' => 'rc_actor', 'logging' => 'log_actor'];
        foreach ($id ? $uses : [] as $table => $column) {
            if ($this->db->selectField($table, '1', [$column => $id], __METHOD__)) {
                return false;
            }
        }
        $this->db->delete('actor', ['actor_id' => $id], __METHOD__);
        return true;
    }

    /** Nothing of any source is here any more: nothing of ours stays. */
    private function askForget(array $question): array
    {
        if ($this->mapped() && !$this->db->selectField('reversa_map', '1', [], __METHOD__)) {
            $this->db->query('DROP TABLE ' . $this->db->tableName('reversa_map'), __METHOD__);
        }
        $this->removeActor(['actor_name' => $question['nobody']]);
        foreach (array_keys($this->categories) as $name) {
            Category::newFromName((string) $name)->refreshCounts();
        }
        DeferredUpdates::doUpdates();
        SiteStatsInit::doAllAndCommit($this->db);
        return [];
    }
}
